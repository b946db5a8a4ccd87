"""A store served as its settings say, in this process, until a signal ends it."""

from __future__ import annotations

import logging
import os
import socket
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

from ..runtimes.errors import InvalidSetting, MLServeError
from ..runtimes.exit_codes import exit_code
from ..serve.listening import bind_socket, service_url
from ..serve.logs import AccessLog, configure_logging
from ..serve.request_ids import RequestIds
from ..serve.server import Loaded, StopSwitch, end_soon, run_server
from ..store.deliveries import Deliverer, DeliverySettings
from ..store.direct_access import DirectAccess, is_possible
from ..store.lifecycle import read_lifecycle
from ..store.rest.access import Access, read_accounts
from ..store.rest.app import StoreApp
from ..store.rest.hosts import is_loopback_host
from ..store.rest.settings import ServerSettings
from ..store.store import Store, open_store
from ..store.webhook_hosts import HostRules

logger = logging.getLogger("mlserve.store")


def run_store_server(settings: ServerSettings) -> int:
    """Serve until told to stop, and return the exit code."""
    started = time.monotonic()
    _require_accounts(settings)
    _require_s3(settings)
    configure_logging(settings.log_format, settings.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells how it sets itself up
    try:
        listener = bind_socket(settings.host, settings.port)
        ready = partial(_log_ready, listener, started)
        with ExitStack() as stack:
            load = partial(_load, settings, stack)
            code = run_server(listener, settings.drain_seconds, load, ready, StopSwitch())
    except MLServeError as error:
        logger.error("%s", error)  # noqa: TRY400 - a message for the operator, without traceback
        code = exit_code(error)
    return end_soon(code)


def _require_accounts(settings: ServerSettings) -> None:
    if settings.auth or settings.without_auth or is_loopback_host(settings.host):
        return
    raise InvalidSetting(
        f"--host {settings.host} lets other machines in, and there are no accounts: name a file of "
        "accounts with --auth, or pass --without-auth where everybody who gets there may do "
        "everything"
    )


def _require_s3(settings: ServerSettings) -> None:
    if settings.direct_urls and not is_possible(settings.artifacts_destination or ""):
        raise InvalidSetting(
            f"--direct-urls: found {settings.artifacts_destination or 'no destination'}, expected "
            "--artifacts-destination s3://BUCKET/PATH"
        )


def _load(settings: ServerSettings, stack: ExitStack) -> Loaded:
    access = Access(read_accounts(settings.auth)) if settings.auth else None
    store = stack.enter_context(closing(_open(settings)))
    app = StoreApp(
        store,
        settings,
        access,
        RequestIds().take,
        access_log=AccessLog() if settings.access_log else None,
        companions=[Deliverer(store.database, DeliverySettings(store.webhook_hosts))],
        direct_access=DirectAccess(store.destination) if settings.direct_urls else None,
    )
    return Loaded(app, "store", "store")


def _open(settings: ServerSettings) -> Store:
    lifecycle = read_lifecycle(settings.lifecycle) if settings.lifecycle else None
    store = open_store(settings.backend_store_uri, settings.artifacts_destination, lifecycle)
    hosts = HostRules(settings.webhook_hosts, is_closed=settings.webhook_hosts_only)
    return replace(store, webhook_hosts=hosts)


def _log_ready(listener: socket.socket, started: float, _: Loaded) -> None:
    fields = {
        "url": service_url(listener),
        "pid": os.getpid(),
        "seconds": round(time.monotonic() - started, 3),
    }
    logger.info("ready", extra={"fields": fields})
