"""Hosts of webhooks: which URLs are taken, and which addresses are called."""

from __future__ import annotations

import pytest
from mlserve.store.errors import InvalidParameter
from mlserve.store.webhook_hosts import (
    HostRules,
    Target,
    find_addresses,
    read_target,
    resolve_host,
)

OPEN = HostRules()

PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]
PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "240.0.0.1",
    "::1",
    "fc00::1",
    "fec0::1",
    "::7f00:1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2001:0:a00:1::",
]
NEVER = [
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "169.254.1.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "fd00:ec2::254",
    "fe80::1",
    "100.100.100.200",
    "168.63.129.16",
    "224.0.0.1",
    "ff02::1",
]


def resolver(*addresses):
    return lambda host, port: addresses  # noqa: ARG005 - as `resolve_host`


def find(host, *addresses, rules=OPEN):
    return find_addresses(read_target(f"https://{host}/x", rules), rules, resolver(*addresses))


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://h.example", Target("https", "h.example", 443, "/"), "h.example"),
        ("http://H.example:80/a?b=c", Target("http", "h.example", 80, "/a?b=c"), "h.example"),
        ("http://h.example:8080/a%20b", Target("http", "h.example", 8080, "/a%20b"),
         "h.example:8080"),
        ("https://[2606:2800:220:1::1]:8/", Target("https", "2606:2800:220:1::1", 8, "/"),
         "[2606:2800:220:1::1]:8"),
    ],
)  # fmt: skip
def test_a_url_is_taken_apart(url, target, authority):
    assert read_target(url, OPEN) == target
    assert target.authority == authority


@pytest.mark.parametrize(
    "url",
    ["", "h.example", "//h.example", "ftp://h.example", "file:///etc/passwd", "gopher://h.example",
     "javascript:x", "https://", "https:///x", "https://user@h.example", "https://u:p@h.example",
     "https://h.example@127.0.0.1/", "https://h.example\\@127.0.0.1", "https://h.example#x",
     "https://h.example:0", "https://h.example:99999", "https://h.example:x", "https://[::1",
     "https://h.example/\r\nX: y", "https://h.example/ x", "https://h\u00e9.example",
     "https://h.example/" + "x" * 2048],
    ids=lambda url: ascii(url[:40]),
)  # fmt: skip
def test_a_url_that_is_none_for_a_webhook_is_refused(url):
    with pytest.raises(InvalidParameter) as caught:
        read_target(url, HostRules(allowed=("*",)))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_called(address):
    assert find("h.example", address) == [address]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_called_only_where_the_host_is_allowed(address):
    with pytest.raises(InvalidParameter, match=r"is a private address, .* --webhook-hosts"):
        find("h.example", address)
    assert find("h.example", address, rules=HostRules(allowed=("h.example",)))


@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_link_local_addresses_are_called_for_nobody(address):
    with pytest.raises(InvalidParameter, match="is no address that webhooks call"):
        find("h.example", address, rules=HostRules(allowed=("*",)))


def test_a_name_with_one_private_address_among_others_is_refused():
    with pytest.raises(InvalidParameter, match=r"10\.0\.0\.1 is a private address"):
        find("h.example", PUBLIC[0], "10.0.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:10.0.0.1]"])
def test_a_host_that_is_written_as_an_address_is_judged_at_once(host):
    with pytest.raises(InvalidParameter, match="is not called"):
        read_target(f"http://{host}/", OPEN)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.0.0.1"])
def test_other_ways_to_write_an_address_are_judged_when_they_are_called(host):
    target = read_target(f"http://{host}/", OPEN)
    with pytest.raises(InvalidParameter, match="is a private address"):
        find_addresses(target, OPEN, resolve_host)


def test_a_star_stands_for_anything_in_an_allowed_name():
    rules = HostRules(allowed=("*.corp.example", "10.0.0.*"))
    assert find("Hooks.Corp.example", "10.1.1.1", rules=rules)
    assert read_target("http://10.0.0.7/", rules)
    with pytest.raises(InvalidParameter):
        find("corp.example", "10.1.1.1", rules=rules)
    with pytest.raises(InvalidParameter):
        read_target("http://10.0.1.7/", rules)


def test_a_closed_list_lets_no_other_host_be_called():
    rules = HostRules(allowed=("h.example",), is_closed=True)
    assert find("h.example", PUBLIC[0], rules=rules)
    with pytest.raises(InvalidParameter, match="it is not among the allowed hosts"):
        read_target("https://other.example/", rules)
