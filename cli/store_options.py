"""What the commands on a store share: its address, how results are printed, what is asked first."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
import msgspec

from ..runtimes.errors import InvalidSetting
from ..store.contract import Transport
from ..store.entities import Entity
from ..store.tracking_uri import (
    DEFAULT_URI,
    URI_VARIABLES,
    find_target,
    open_target,
    open_transport,
)
from .locating import open_existing
from .tables import Column, format_section, format_table, printable, terminal_width

if TYPE_CHECKING:
    from ..store.store import Store

Command = TypeVar("Command", bound=Callable[..., Any])

PAGE = 1000
"""How many results are asked for at a time."""

ACTIVE, DELETED, ALL = "ACTIVE_ONLY", "DELETED_ONLY", "ALL"

tracking_option = click.option(
    "--tracking-uri",
    metavar="URI",
    help="The store: sqlite:///FILE, postgresql://… or the http(s)://… of a server.  "
    f"[default: {', '.join(URI_VARIABLES)}, {DEFAULT_URI}]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, with the names of the REST API."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Print the first N only."
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do it without asking.")
order_option = click.option(
    "--order-by", multiple=True, metavar="FIELD [DESC]", help="Sort; may be given several times."
)
tag_option = click.option(
    "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; may be given several times."
)


def view_options(command: Command) -> Command:
    """Return ``command`` with the flags that say whether deleted things are listed."""
    deleted = click.option(
        "--deleted", "view", flag_value=DELETED, help="List what is deleted, and can be restored."
    )
    everything = click.option("--all", "view", flag_value=ALL, help="List what is deleted too.")
    return deleted(everything(command))


@dataclass(frozen=True, slots=True)
class View:
    """How things are shown as rows of a table."""

    columns: Sequence[Column]
    row: Callable[[Any], Sequence[object]]

    def facts(self, one: Entity) -> list[tuple[str, object]]:
        """Return the cells of one thing, each with the title of its column."""
        titles = [column.title.lower() for column in self.columns]
        return list(zip(titles, self.row(one), strict=True))


@dataclass(frozen=True, slots=True)
class Session:
    """How a command reaches the store, and how it prints what it found there."""

    tracking_uri: str | None
    as_json: bool = False
    limit: int | None = None

    @contextmanager
    def connected(self, *, makes: bool = False) -> Iterator[Transport]:
        """Give the way to the store that the flag or the environment names.

        One that is not there is made only where the command ``makes`` something in it.
        """
        environment = _environment(self.tracking_uri)
        transport = open_transport(None, environment) if makes else open_existing(environment)
        try:
            yield transport
        finally:
            transport.close()

    @property
    def page_size(self) -> int:
        """How many results to ask for at a time."""
        return min(self.limit or PAGE, PAGE)

    def print_list(self, found: Iterable[Entity], view: View) -> None:
        """Print what is found, up to the limit, as a table or as a JSON array."""
        some = islice(found, self.limit)
        if self.as_json:
            print_json([msgspec.to_builtins(one) for one in some])
        else:
            rows = [view.row(one) for one in some]
            print_text(format_table(view.columns, rows, terminal_width()))

    def print_made(self, entity: Entity, text: str | None = None) -> None:
        """Print what a command made or changed: as JSON, or ``text`` alone."""
        if self.as_json:
            print_entity(entity)
        elif text is not None:
            print_text(printable(text))


@contextmanager
def opened_store(tracking_uri: str | None, command: str, *, makes: bool = False) -> Iterator[Store]:
    """Give the store itself, for what is done beside its database and nowhere else."""
    environment = _environment(tracking_uri)
    target = find_target(None, environment)
    if target.uri.lower().startswith(("http:", "https:")):
        raise InvalidSetting(
            f"mlserve {command} works on a store's database, found a server's address; "
            "give --tracking-uri sqlite:///FILE or postgresql://…, the database of that server"
        )
    transport: Any = open_target(target) if makes else open_existing(environment)
    try:
        yield transport.store
    finally:
        transport.close()


def store_options(command: Command) -> Command:
    """Return ``command`` with the flags that say where the store is; it takes a ``session``."""
    return tracking_option(_with_session(command))


def result_options(command: Command) -> Command:
    """Return ``command`` with the flags that also say how its result is printed."""
    return json_option(store_options(command))


def list_options(command: Command) -> Command:
    """Return ``command`` with the flags that also say how much of a list is printed."""
    return limit_option(result_options(command))


def print_entity(entity: Entity) -> None:
    """Print one thing as a JSON object."""
    print_json(msgspec.to_builtins(entity))


def print_sections(sections: Mapping[str, Iterable[tuple[str, object]]]) -> None:
    """Print names and values below their titles; a section without any is left out."""
    texts = (format_section(title, pairs) for title, pairs in sections.items())
    print_text("\n".join(filter(None, texts)))


def print_json(document: object) -> None:
    """Print one JSON document, in ASCII: no name in it acts on a terminal."""
    click.echo(json.dumps(document, indent=2))


def print_text(text: str) -> None:
    """Print text; what the encoding of stdout lacks is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding))


def say(text: str) -> None:
    """Tell on stderr what was done."""
    click.echo(printable(text), err=True)


def require_yes(question: str, *, yes: bool) -> None:
    """Ask before what cannot be undone, unless ``yes`` says so already.

    Where nobody can be asked, because stdin is no terminal, raises `InvalidSetting`.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidSetting(
            "this cannot be undone, and nobody can be asked here: stdin is no terminal; "
            "give --yes to do it"
        )
    click.confirm(question, abort=True, err=True)


def read_pairs(texts: Sequence[str], flag: str) -> dict[str, str]:
    """Return what was given as KEY=VALUE."""
    pairs = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise InvalidSetting(f"{flag}: found {text}, expected KEY=VALUE")
        pairs[key] = value
    return pairs


def _environment(tracking_uri: str | None) -> Mapping[str, str]:
    """Return the environment, in which a flag goes before a variable."""
    return os.environ if tracking_uri is None else {**os.environ, URI_VARIABLES[0]: tracking_uri}


def _with_session(command: Command) -> Command:
    @wraps(command)
    def wrapped(
        tracking_uri: str | None, as_json: bool = False, limit: int | None = None, **flags: Any
    ) -> Any:
        return command(session=Session(tracking_uri, as_json, limit), **flags)

    return cast("Command", wrapped)
