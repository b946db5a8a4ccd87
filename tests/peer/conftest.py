"""MLflow and our services beside each other, started once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from .exchanges import Exchange, Request
from .mlflow_peer import MlflowPeer
from .our_services import OurServices

Ask = Callable[[str, Request], Exchange]


@pytest.fixture(scope="session")
def peer(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowPeer]:
    with closing(MlflowPeer(mlflow_python, tmp_path_factory.mktemp("peer"))) as mlflow:
        yield mlflow


@pytest.fixture(scope="session")
def ask(peer: MlflowPeer) -> Iterator[Ask]:
    """Ask both services of a model the same."""
    with closing(OurServices(peer.folder)) as services:

        def ask_both(model: str, request: Request) -> Exchange:
            return Exchange(model, request, peer.ask(model, request), services.ask(model, request))

        yield ask_both
