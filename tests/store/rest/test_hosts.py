"""Names that the server answers to, and pages that may change something."""

from __future__ import annotations

import pytest
from mlserve.store.rest.hosts import HostGuard, is_loopback_host
from mlserve.store.rest.refusals import ForeignHost, ForeignOrigin


def check(guard, *hosts, method="GET", origin=None):
    headers = [(b"host", host.encode("latin-1")) for host in hosts]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    guard.check(method, headers)


LOOPBACK = ["localhost", "localhost:5000", "LocalHost:1", "127.0.0.1:5000", "127.1.2.3", "[::1]:80",
            "[::1]", "localhost."]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize("allowed", [(), ("mlserve.example",)], ids=["default", "named"])
def test_loopback_names_are_always_answered(allowed, host):
    check(HostGuard(allowed), host)


@pytest.mark.parametrize("host", ["10.0.0.5:5000", "192.168.1.7", "172.16.0.1", "[fd00::1]:5000"])
def test_addresses_of_private_networks_are_answered(host):
    check(HostGuard(), host)


def test_the_host_that_is_listened_on_is_answered():
    check(HostGuard(listening="Tracking.internal"), "tracking.INTERNAL:5000")


FOREIGN = ["evil.example", "evil.example:5000", "localhost.evil.example", "127.0.0.1.evil.example",
           "10.0.0.1.nip.io", "8.8.8.8", "", "evil.example@localhost", "localhost:5000:5000",
           "localhost/evil", "localhost\t", "[::1", "l\u043ecalhost".encode().decode("latin-1"),
           "localhost, evil.example", "[evil.example]"]  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN)
def test_foreign_names_are_refused(host):
    with pytest.raises(ForeignHost, match="--allowed-hosts"):
        check(HostGuard(), host)


def test_a_request_without_a_host_is_refused():
    with pytest.raises(ForeignHost):
        check(HostGuard())


def test_a_request_with_two_hosts_is_refused():
    with pytest.raises(ForeignHost):
        check(HostGuard(), "localhost", "localhost")


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("mlserve.example", "mlserve.example"),
        ("mlserve.example", "MLSERVE.example:443"),
        ("mlserve.example:5000", "mlserve.example:5000"),
        ("*.corp.example", "a.corp.example:80"),
        ("192.168.*", "192.168.3.4"),
        ("*", "anything.example"),
        (" mlserve.example ", "mlserve.example"),
    ],
)
def test_a_name_that_is_allowed_is_answered(allowed, host):
    check(HostGuard([allowed]), host)


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("mlserve.example:5000", "mlserve.example:80"),
        ("*.corp.example", "corp.example"),
        ("*.corp.example", "a.corp.example.evil"),
        ("mlserve.example", "10.0.0.5"),
        ("", "evil.example"),
    ],
)
def test_names_beside_those_that_are_allowed_are_refused(allowed, host):
    with pytest.raises(ForeignHost):
        check(HostGuard([allowed]), host)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://localhost:8888", "http://localhost", "http://["],
)
def test_a_page_of_another_origin_changes_nothing(method, origin):
    with pytest.raises(ForeignOrigin, match="Cross-origin"):
        check(HostGuard(), "localhost:5000", method=method, origin=origin)


def test_a_page_of_our_own_origin_changes_what_it_wants():
    check(HostGuard(), "localhost:5000", method="POST", origin="http://localhost:5000")


def test_a_page_of_an_allowed_host_changes_what_it_wants():
    guard = HostGuard(["app.example"])
    check(guard, "localhost:5000", method="POST", origin="https://app.example")


def test_a_page_of_another_origin_may_ask():
    check(HostGuard(), "localhost", method="GET", origin="https://evil.example")


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("[::1]", True), ("0.0.0.0", False),
     ("10.0.0.1", False), ("", False), ("example.org", False), ("::", False)],
)  # fmt: skip
def test_a_loopback_address_is_told_from_others(host, is_loopback):
    assert is_loopback_host(host) is is_loopback
