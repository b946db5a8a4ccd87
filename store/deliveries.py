"""Deliveries: what the outbox holds is sent to webhooks, signed, and again where that failed.

A delivery is claimed in the database before it is sent, so that several servers share the work;
one whose server dies is sent again by another. A receiver may therefore get one twice, under the
same id.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event, Thread
from typing import Any, Final

import httpx
from sqlalchemy import Connection, Row, delete, select, update

from ..runtimes.errors import shorten
from .database import Database
from .errors import InvalidParameter, StoreError
from .events import ACTIVE, PENDING
from .store import now_ms
from .tables import deliveries, webhooks
from .webhook_hosts import HostRules, Resolver, Target, find_addresses, read_target, resolve_host

FAILED: Final = "failed"
"""The state of a delivery that was tried often enough; one that succeeded is not kept."""

_DAY_MS = 24 * 60 * 60 * 1000
_LONGEST_ERROR = 1000

logger = logging.getLogger("mlserve.store")


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How deliveries are sent.

    The wait after a failure doubles from ``first_wait_seconds`` up to ``longest_wait_seconds``, of
    which chance takes off up to a half. The defaults try for about four hours.
    """

    hosts: HostRules = field(default_factory=HostRules)
    most_attempts: int = 12
    timeout_seconds: float = 10.0
    first_wait_seconds: float = 10.0
    longest_wait_seconds: float = 3600.0
    poll_seconds: float = 1.0
    most_at_once: int = 16
    keep_failed_days: int = 30


class Deliverer:
    """Sends what is due in the outbox, in a thread of its own once it is started.

    ``clock`` gives milliseconds since 1970, ``chance`` a number from 0 to 1.
    """

    def __init__(
        self,
        database: Database,
        settings: DeliverySettings | None = None,
        *,
        clock: Callable[[], int] = now_ms,
        chance: Callable[[], float] = random.random,
        resolve: Resolver = resolve_host,
    ) -> None:
        self._database = database
        self._settings = settings or DeliverySettings()
        self._clock, self._chance, self._resolve = clock, chance, resolve
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="mlserve-webhooks", daemon=True)

    def start(self) -> None:
        """Begin to send; to be called once, in the process that is to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more, and wait until what is being sent has ended."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._settings.timeout_seconds)

    def deliver_due(self) -> int:
        """Send what is due, at most so much at once, and return how many were tried."""
        claimed = self._claim()
        if claimed:
            errors = asyncio.run(self._send_all(claimed))
            self._conclude(claimed, errors)
        return len(claimed)

    def _run(self) -> None:
        while not self._stopping.is_set():
            tried = 0
            try:
                tried = self.deliver_due()
            except StoreError as error:
                logger.warning("webhooks wait: %s", error)
            except Exception:  # the edge of the thread, which must outlive what nobody foresaw
                logger.exception("webhooks wait")
            if not tried:
                self._stopping.wait(self._settings.poll_seconds)

    def _claim(self) -> Sequence[Row[Any]]:
        """Return what is due, which nobody else sends for a while."""
        now = self._clock()
        with self._database.read() as connection:
            if connection.execute(self._select_due(now).limit(1)).first() is None:
                return ()
        lease_ms = int(self._settings.timeout_seconds * 1000) * 3
        with self._database.write() as connection:
            due = self._select_due(now).limit(self._settings.most_at_once)
            ids = connection.scalars(due.with_for_update(skip_locked=True)).all()
            claimed = _load(connection, ids)
            values = {"attempts": deliveries.c.attempts + 1, "due_at": now + lease_ms}
            is_claimed = deliveries.c.delivery_id.in_(ids)
            connection.execute(update(deliveries).where(is_claimed).values(values))
        return claimed

    def _select_due(self, now: int) -> Any:
        active = select(webhooks.c.webhook_id).where(webhooks.c.status == ACTIVE)
        return (
            select(deliveries.c.delivery_id)
            .where(
                deliveries.c.state == PENDING,
                deliveries.c.due_at <= now,
                deliveries.c.webhook_id.in_(active),
            )
            .order_by(deliveries.c.due_at, deliveries.c.delivery_id)
        )

    async def _send_all(self, claimed: Sequence[Row[Any]]) -> list[str | None]:
        """Return for each what went wrong, None where nothing did."""
        # No proxy of the environment: it would call whatever address it likes.
        async with httpx.AsyncClient(verify=self._tls, trust_env=False) as client:
            return await asyncio.gather(*(self._send(client, row) for row in claimed))

    async def _send(self, client: httpx.AsyncClient, row: Row[Any]) -> str | None:
        seconds = self._settings.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                target = read_target(row.url, self._settings.hosts)
                status = await self._post(client, target, row)
        except TimeoutError:
            return f"no answer within {seconds:g} s"
        except InvalidParameter as error:
            return str(error)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return f"{type(error).__name__}: {error}"
        return None if 200 <= status < 300 else f"answered with status {status}"

    async def _post(self, client: httpx.AsyncClient, target: Target, row: Row[Any]) -> int:
        """Return the status that the receiver answers at the first address that takes a call."""
        addresses = await asyncio.to_thread(
            find_addresses, target, self._settings.hosts, self._resolve
        )
        headers = _headers(target, row, self._clock() // 1000)
        connect_seconds = self._settings.timeout_seconds / max(1, len(addresses))
        failure: Exception = OSError("the name of its host means no address")
        for address in addresses:
            request = _build_request(target, address, headers, row.payload, connect_seconds)
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
                continue
            await response.aclose()  # what it says is nothing to us
            return response.status_code
        raise failure

    def _conclude(self, claimed: Sequence[Row[Any]], errors: Sequence[str | None]) -> None:
        now = self._clock()
        sent = [row.delivery_id for row, error in zip(claimed, errors, strict=True) if not error]
        with self._database.write() as connection:
            connection.execute(delete(deliveries).where(deliveries.c.delivery_id.in_(sent)))
            for row, error in zip(claimed, errors, strict=True):
                if error:
                    self._put_off(connection, row, error, now)
            oldest = now - self._settings.keep_failed_days * _DAY_MS
            is_old = (deliveries.c.state == FAILED, deliveries.c.due_at < oldest)
            connection.execute(delete(deliveries).where(*is_old))

    def _put_off(self, connection: Connection, row: Row[Any], error: str, now: int) -> None:
        attempts = row.attempts + 1
        values: dict[str, Any] = {"last_error": error[:_LONGEST_ERROR]}
        if attempts >= self._settings.most_attempts:
            values |= {"state": FAILED, "due_at": now}
            logger.warning("webhook %s was not told: %s", row.webhook_id, shorten(error))
        else:
            values["due_at"] = now + self._wait_ms(attempts)
        # Another server may have claimed it since, if this one was slow.
        is_ours = (deliveries.c.delivery_id == row.delivery_id, deliveries.c.attempts == attempts)
        connection.execute(update(deliveries).where(*is_ours).values(values))

    def _wait_ms(self, attempts: int) -> int:
        settings = self._settings
        doubled = settings.first_wait_seconds * 2 ** (attempts - 1)
        longest = min(doubled, settings.longest_wait_seconds)
        return int(1000 * longest * (1 - self._chance() / 2))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return what the header X-MLServe-Signature says of a body that was sent at a time."""
    message = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _load(connection: Connection, ids: Sequence[int]) -> Sequence[Row[Any]]:
    columns = (webhooks.c.url, webhooks.c.secret)
    statement = select(deliveries, *columns).join(webhooks).where(deliveries.c.delivery_id.in_(ids))
    return connection.execute(statement.order_by(deliveries.c.delivery_id)).all()


def _headers(target: Target, row: Row[Any], seconds: int) -> dict[str, str]:
    headers = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "User-Agent": "mlserve",
        "X-MLServe-Event": row.event,
        "X-MLServe-Delivery": str(row.delivery_id),
        "X-MLServe-Timestamp": str(seconds),
    }
    if row.secret:
        signature = sign(row.secret, headers["X-MLServe-Timestamp"], row.payload.encode())
        headers["X-MLServe-Signature"] = signature
    return headers


def _build_request(
    target: Target, address: str, headers: dict[str, str], body: str, connect_seconds: float
) -> httpx.Request:
    """Return a request to the address itself, with the host's name for its header and for TLS."""
    timeout = httpx.Timeout(None, connect=connect_seconds)  # all together has a deadline anyway
    return httpx.Request(
        "POST",
        httpx.URL(
            scheme=target.scheme, host=address, port=target.port, raw_path=target.path.encode()
        ),
        content=body.encode(),
        headers=headers,
        extensions={"sni_hostname": target.host, "timeout": timeout.as_dict()},
    )
