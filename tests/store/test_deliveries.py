"""Deliveries: sent to a real receiver, signed, tried again, shared among servers."""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from mlserve.store.deliveries import Deliverer, DeliverySettings
from mlserve.store.registry_operations import CREATE_WEBHOOK, DELETE_WEBHOOK, UPDATE_WEBHOOK
from mlserve.store.registry_requests import CreateWebhook, UpdateWebhook, WebhookId
from mlserve.store.tables import deliveries
from mlserve.store.webhook_hosts import HostRules
from sqlalchemy import func, select

from .receiver import running_receiver, write_certificate
from .registry import calling, new_registered

LOOPBACK = HostRules(allowed=("127.0.0.1", "hooks.example.test"))
CREATED = "registered_model.created"
START = 1_800_000_000_000


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def receiver():
    with running_receiver() as running:
        yield running


@pytest.fixture
def call(store, clock):
    return calling(store, clock=clock, webhook_hosts=LOOPBACK)


def new_webhook(call, url, secret=None):
    return call(CREATE_WEBHOOK, CreateWebhook("ci", url, [CREATED], secret)).webhook.webhook_id


def make_deliverer(store, clock, *, hosts=LOOPBACK, **changes):
    """Return a deliverer for whom chance never shortens a wait."""
    resolve = changes.pop("resolve", None)
    settings = DeliverySettings(hosts, **{"most_attempts": 3, "timeout_seconds": 20} | changes)
    others = {"resolve": resolve} if resolve else {}
    return Deliverer(store.database, settings, clock=clock, chance=lambda: 0.0, **others)


def rows_of(store):
    with store.database.read() as connection:
        return connection.execute(select(deliveries).order_by(deliveries.c.delivery_id)).all()


def errors_of(store):
    return [row.last_error for row in rows_of(store)]


def deliver_elsewhere(database_uri, **environment):
    """Send what is due from another process, for which every name means loopback."""
    code = (
        "from mlserve.store.database import Database\n"
        "from mlserve.store.deliveries import Deliverer, DeliverySettings\n"
        "from mlserve.store.webhook_hosts import HostRules\n"
        "settings = DeliverySettings(HostRules(allowed=('127.0.0.1', 'hooks.example.test')))\n"
        f"deliverer = Deliverer(Database({database_uri!r}), settings, clock=lambda: {START},\n"
        "    resolve=lambda host, port: ['127.0.0.1'])\n"
        "print(deliverer.deliver_due())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    assert run.stdout == b"1\n"


class TestSending:
    def test_an_event_is_sent_once_as_json_that_says_what_happened(
        self, store, call, clock, receiver
    ):
        new_webhook(call, f"{receiver.url}?a=b")
        new_registered(call)
        deliverer = make_deliverer(store, clock)
        assert [deliverer.deliver_due(), deliverer.deliver_due()] == [1, 0]
        sent = receiver.take()
        assert sent.path == "/in?a=b"
        assert sent.headers["Content-Type"] == "application/json"
        assert sent.headers["Host"] == f"127.0.0.1:{receiver.port}"
        assert sent.headers["X-MLServe-Event"] == CREATED
        assert sent.headers["X-MLServe-Delivery"] == "1"
        assert sent.headers["X-MLServe-Timestamp"] == "1800000000"
        assert msgspec.json.decode(sent.body) == {
            "event": CREATED, "at": START, "actor": "tester", "data": {"name": "churn"}
        }  # fmt: skip
        assert receiver.requests.empty()
        assert rows_of(store) == []

    def test_it_is_signed_with_the_secret(self, store, call, clock, receiver):
        new_webhook(call, receiver.url, "s3cret")
        new_registered(call)
        make_deliverer(store, clock).deliver_due()
        sent = receiver.take()
        message = b"1800000000." + sent.body
        expected = hmac.new(b"s3cret", message, hashlib.sha256).hexdigest()
        assert sent.headers["X-MLServe-Signature"] == f"sha256={expected}"

    def test_without_a_secret_it_is_not_signed(self, store, call, clock, receiver):
        new_webhook(call, receiver.url)
        new_registered(call)
        make_deliverer(store, clock).deliver_due()
        assert "X-MLServe-Signature" not in receiver.take().headers

    def test_what_is_due_for_several_is_sent_to_each(self, store, call, clock, receiver):
        for _ in range(3):
            new_webhook(call, receiver.url)
        new_registered(call)
        assert make_deliverer(store, clock, most_at_once=2).deliver_due() == 2
        assert make_deliverer(store, clock, most_at_once=2).deliver_due() == 1
        ids = {receiver.take().headers["X-MLServe-Delivery"] for _ in range(3)}
        assert ids == {"1", "2", "3"}

    def test_a_webhook_that_was_disabled_or_deleted_is_told_nothing(
        self, store, call, clock, receiver
    ):
        disabled, deleted = (new_webhook(call, receiver.url) for _ in range(2))
        new_registered(call)
        call(UPDATE_WEBHOOK, UpdateWebhook(disabled, status="DISABLED"))
        call(DELETE_WEBHOOK, WebhookId(deleted))
        assert make_deliverer(store, clock).deliver_due() == 0
        assert receiver.requests.empty()


class TestFailures:
    @pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
    def test_an_answer_other_than_2xx_is_tried_again(self, store, call, clock, receiver, status):
        receiver.statuses[:] = [status]
        new_webhook(call, receiver.url)
        new_registered(call)
        deliverer = make_deliverer(store, clock)
        deliverer.deliver_due()
        assert errors_of(store) == [f"answered with status {status}"]
        assert deliverer.deliver_due() == 0
        clock.now += 10_000
        assert deliverer.deliver_due() == 1
        assert rows_of(store) == []
        first, again = receiver.take(), receiver.take()
        assert first.body == again.body
        assert first.headers["X-MLServe-Delivery"] == again.headers["X-MLServe-Delivery"]
        assert again.path == "/in"
        assert receiver.requests.empty()

    def test_the_wait_doubles_up_to_the_longest_and_then_it_has_failed(
        self, store, call, clock, receiver
    ):
        receiver.statuses[:] = [500] * 5
        new_webhook(call, receiver.url)
        new_registered(call)
        deliverer = make_deliverer(store, clock, most_attempts=5, longest_wait_seconds=30)
        waits = []
        for _ in range(5):
            assert deliverer.deliver_due() == 1
            row = rows_of(store)[0]
            waits.append(row.due_at - clock.now)
            clock.now = row.due_at
        assert waits == [10_000, 20_000, 30_000, 30_000, 0]
        assert (row.state, row.attempts) == ("failed", 5)
        clock.now += 10**9
        assert deliverer.deliver_due() == 0

    def test_chance_takes_up_to_a_half_off_a_wait(self, store, call, clock, receiver):
        receiver.statuses[:] = [500]
        new_webhook(call, receiver.url)
        new_registered(call)
        settings = DeliverySettings(LOOPBACK)
        Deliverer(store.database, settings, clock=clock, chance=lambda: 1.0).deliver_due()
        assert rows_of(store)[0].due_at - clock.now == 5_000

    def test_what_failed_long_ago_is_forgotten(self, store, call, clock, receiver):
        receiver.statuses[:] = [500]
        new_webhook(call, receiver.url)
        new_registered(call)
        deliverer = make_deliverer(store, clock, most_attempts=1)
        deliverer.deliver_due()
        clock.now += 31 * 86_400_000
        new_registered(call, "another")
        deliverer.deliver_due()
        assert rows_of(store) == []

    def test_a_receiver_that_is_not_there_is_tried_again(self, store, call, clock):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        new_webhook(call, f"http://127.0.0.1:{port}/")
        new_registered(call)
        make_deliverer(store, clock).deliver_due()
        assert errors_of(store)[0].startswith("ConnectError")

    def test_a_receiver_that_does_not_answer_is_not_waited_for(self, store, call, clock, receiver):
        receiver.hold.clear()
        new_webhook(call, receiver.url)
        new_registered(call)
        make_deliverer(store, clock, timeout_seconds=0.2).deliver_due()
        assert errors_of(store) == ["no answer within 0.2 s"]

    def test_one_that_fails_holds_up_no_other(self, store, call, clock, receiver):
        new_webhook(call, "http://hooks.example.test/")
        new_webhook(call, receiver.url)
        new_registered(call)

        def resolve(host, _):
            if host == "127.0.0.1":
                return [host]
            raise socket.gaierror(-2, "Name or service not known")

        make_deliverer(store, clock, resolve=resolve).deliver_due()
        assert receiver.take()
        assert errors_of(store) == ["gaierror: [Errno -2] Name or service not known"]


class TestHosts:
    def test_a_private_address_is_not_called(self, store, call, clock, receiver):
        new_webhook(call, receiver.url)
        new_registered(call)
        make_deliverer(store, clock, hosts=HostRules()).deliver_due()
        assert "127.0.0.1 is a private address" in errors_of(store)[0]
        assert receiver.requests.empty()

    def test_a_name_that_comes_to_mean_a_private_address_is_not_called(
        self, store, call, clock, receiver
    ):
        new_webhook(call, f"http://public.example.test:{receiver.port}/")
        new_registered(call)
        deliverer = make_deliverer(store, clock, resolve=lambda *_: ["127.0.0.1"])
        deliverer.deliver_due()
        assert "127.0.0.1 is a private address" in errors_of(store)[0]
        assert receiver.requests.empty()

    def test_the_address_that_was_judged_is_the_one_called(self, store, call, clock, receiver):
        new_webhook(call, f"http://hooks.example.test:{receiver.port}/in")
        new_registered(call)
        asked = []

        def resolve(host, port):
            asked.append((host, port))
            return ["127.0.0.1"]

        make_deliverer(store, clock, resolve=resolve).deliver_due()
        assert receiver.take().headers["Host"] == f"hooks.example.test:{receiver.port}"
        assert asked == [("hooks.example.test", receiver.port)]

    def test_the_next_address_is_called_where_one_takes_no_call(self, store, call, clock, receiver):
        new_webhook(call, f"http://hooks.example.test:{receiver.port}/in")
        new_registered(call)
        make_deliverer(store, clock, resolve=lambda *_: ["127.0.0.2", "127.0.0.1"]).deliver_due()
        assert receiver.take().path == "/in"

    def test_a_proxy_of_the_environment_is_not_used(self, call, receiver, database_uri):
        new_webhook(call, receiver.url)
        new_registered(call)
        proxy = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
        deliver_elsewhere(database_uri, **proxy)
        assert receiver.take().path == "/in"

    def test_over_tls_the_certificate_is_that_of_the_name_in_the_url(
        self, call, database_uri, tmp_path
    ):
        trusted = tmp_path / "trusted.pem"
        write_certificate(trusted, "hooks.example.test")
        with running_receiver(trusted) as receiver:
            new_webhook(call, f"https://hooks.example.test:{receiver.port}/in")
            new_registered(call)
            deliver_elsewhere(database_uri, SSL_CERT_FILE=str(trusted))
            assert receiver.take().path == "/in"

    def test_over_tls_a_receiver_with_another_name_is_told_nothing(
        self, store, call, database_uri, tmp_path
    ):
        other = tmp_path / "other.pem"
        write_certificate(other, "other.example.test")
        with running_receiver(other) as receiver:
            new_webhook(call, f"https://hooks.example.test:{receiver.port}/in")
            new_registered(call)
            deliver_elsewhere(database_uri, SSL_CERT_FILE=str(other))
            assert "Hostname mismatch" in errors_of(store)[0]
            assert receiver.requests.empty()


class TestServers:
    def test_several_send_each_delivery_once(self, store, call, clock, receiver):
        new_webhook(call, receiver.url)
        for i in range(40):
            new_registered(call, f"m{i}")
        servers = [make_deliverer(store, clock, most_at_once=4) for _ in range(4)]

        def work(server):
            while server.deliver_due():
                pass

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, servers))
        ids = [receiver.take().headers["X-MLServe-Delivery"] for _ in range(40)]
        assert sorted(map(int, ids)) == list(range(1, 41))
        assert receiver.requests.empty()

    def test_what_a_server_died_with_is_sent_by_another(self, store, call, clock, receiver):
        new_webhook(call, receiver.url)
        new_registered(call)
        make_deliverer(store, clock)._claim()
        other = make_deliverer(store, clock)
        assert other.deliver_due() == 0
        clock.now += 60_000
        assert other.deliver_due() == 1
        assert receiver.take()

    def test_a_thread_sends_what_comes_until_it_is_stopped(self, store, call, clock, receiver):
        new_webhook(call, receiver.url)
        deliverer = make_deliverer(store, clock, poll_seconds=0.01)
        deliverer.start()
        new_registered(call)
        assert receiver.take()
        deliverer.stop()
        new_registered(call, "later")
        with store.database.read() as connection:
            waiting = select(func.count()).where(deliveries.c.attempts == 0)
            assert connection.scalar(waiting) == 1

    def test_a_thread_outlives_an_error_that_nobody_foresaw(
        self, store, call, clock, receiver, caplog
    ):
        new_webhook(call, receiver.url)
        times = iter([ZeroDivisionError, OverflowError])

        def failing():
            for error in times:
                raise error
            return clock.now

        deliverer = make_deliverer(store, failing, poll_seconds=0.01)
        new_registered(call)
        deliverer.start()
        assert receiver.take()
        deliverer.stop()
        assert [record.message for record in caplog.records] == ["webhooks wait"] * 2

    def test_one_that_was_not_started_may_be_stopped(self, store, clock):
        make_deliverer(store, clock).stop()
