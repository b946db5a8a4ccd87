"""Names for runs and logged models that were given none, such as "quiet-heron-417"."""

from __future__ import annotations

import random
from typing import Final

_QUALITIES: Final = """
able agile amber ample apt arctic avid azure bold brave breezy bright brisk bronze calm candid
clear clever coral crisp curious dapper daring deft eager early earnest fair fleet fluent fond
free fresh gentle glad golden grand happy hardy honest humble ivory jolly keen kind lively lucid
lunar lush mellow merry mild mossy neat nimble noble olive patient placid plucky polite proud
quick quiet rapid ready robust rosy royal rustic sandy serene sharp silent silver sleek smart
snowy solar sound spry stable steady still stout sturdy subtle sunny swift tidy tranquil true
trusty valiant vivid warm wise witty zesty
"""

_CREATURES: Final = """
adder alpaca badger beaver bison bittern bobcat bream buffalo bunting camel caribou carp cicada
civet cobra condor coot coyote crane cricket curlew dingo dipper dolphin dove dunlin eagle egret
elk ermine falcon ferret finch firefly gannet gazelle gecko gibbon goose grebe grouse hamster hare
heron hornet ibex ibis iguana impala jackal jaguar kestrel kite koala lapwing lark lemur leopard
linnet lizard llama lynx magpie marmot marten meerkat merlin mink moose narwhal newt ocelot orca
oriole osprey otter owl panda parrot pelican pigeon plover puffin puma quail rabbit raven robin
sable salmon seal shrew shrike siskin skylark sparrow stoat stork swallow swan tapir teal tern
thrush tiger toucan trout turtle vole walrus weasel whale wolf wombat wren
"""

_FIRST: Final = tuple(_QUALITIES.split())
_SECOND: Final = tuple(_CREATURES.split())


def make_name(source: random.Random | None = None) -> str:
    """Return a name of a quality, a creature and a number below 1,000; it may not be unique."""
    pick = source or random
    return f"{pick.choice(_FIRST)}-{pick.choice(_SECOND)}-{pick.randrange(1000)}"
