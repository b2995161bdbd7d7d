"""Which source addresses clients get, and those that are refused before the load."""

from __future__ import annotations

import socket
from collections import namedtuple

import psutil
import pytest

from malaria.errors import HostLimitError, OperatorError
from malaria.transport import source_addresses
from malaria.transport.source_addresses import choose_sources, family_of
from routes import endpoint_of

IPV4 = endpoint_of("127.0.0.1", 1883)
IPV6 = endpoint_of("::1", 1883)
Entry = namedtuple("Entry", "address")


@pytest.mark.parametrize(
    ("source", "endpoints", "words"),
    [
        ("::1", [IPV4], "--source-address ::1 cannot connect to 127.0.0.1:1883, which is IPv4"),
        ("127.0.0.1", [IPV6], r"--source-address 127.0.0.1 cannot connect to \[::1\]:1883, which is IPv6"),
        ("127.0.0.1", [IPV4, IPV6], "which is IPv6"),
    ],
)
def test_a_source_of_the_other_family_is_refused(
    source: str, endpoints: list[tuple[int, tuple[str, int]]], words: str
) -> None:
    with pytest.raises(OperatorError, match=words):
        choose_sources([source], endpoints, 1)


def test_a_source_of_the_same_family_is_taken() -> None:
    assert choose_sources(["127.0.0.1", "127.0.0.2"], [IPV4], 1) == ("127.0.0.1", "127.0.0.2")


def test_a_source_that_this_host_does_not_have_is_refused() -> None:
    with pytest.raises(OperatorError, match=r"192\.0\.2\.1: Cannot assign requested address"):
        choose_sources(["192.0.2.1"], [IPV4], 1)


@pytest.mark.parametrize(
    ("wanted", "clients", "targets", "sources"),
    [
        ((), 750, 1, 0),  # one address suffices: the kernel chooses
        ((), 751, 1, 2),
        (("auto",), 750, 1, 1),
        (("auto",), 751, 1, 2),
        (("auto",), 1500, 2, 1),  # each target address has its own ports
        (("auto",), 1501, 2, 2),
    ],
)
def test_the_ports_of_this_host_decide_how_many_loopback_addresses_are_taken(
    monkeypatch: pytest.MonkeyPatch, wanted: tuple[str, ...], clients: int, targets: int, sources: int
) -> None:
    monkeypatch.setattr(source_addresses, "ephemeral_ports", lambda: 1000)
    endpoints = [endpoint_of(f"127.0.0.{number}", 1883) for number in range(1, targets + 1)]
    expected = tuple(f"127.0.0.{number}" for number in range(1, sources + 1))
    assert choose_sources(wanted, endpoints, clients) == expected


def with_aliases(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    interfaces = {"lo": [Entry(address) for address in addresses], "eth0": [Entry("2001:db8::9")]}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: interfaces)
    monkeypatch.setattr(source_addresses, "_local_address", lambda address: address)
    monkeypatch.setattr(source_addresses, "ephemeral_ports", lambda: 1000)


def test_auto_takes_the_aliases_of_an_ipv6_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    with_aliases(monkeypatch, "127.0.0.1", "::1", "fd00::1", "fe80::1%lo", "00:00:00:00:00:00", "fd00::2")
    assert choose_sources(["auto"], [IPV6], 751) == ("::1", "fd00::1")
    assert choose_sources(["auto"], [IPV6], 2250) == ("::1", "fd00::1", "fd00::2")


def test_auto_says_how_many_addresses_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with_aliases(monkeypatch, "::1")
    with pytest.raises(HostLimitError, match="need 3 addresses of this host; the interface of ::1 has 1"):
        choose_sources(["auto"], [IPV6], 2000)


def test_auto_for_both_families_is_refused() -> None:
    with pytest.raises(OperatorError, match="cannot serve targets of IPv4 and IPv6 together"):
        choose_sources(["auto"], [IPV4, IPV6], 1)


def test_the_family_of_source_addresses() -> None:
    assert family_of(["::1", "fe80::1%eth0"]) == socket.AF_INET6
    assert family_of(["127.0.0.1"]) == socket.AF_INET
    assert family_of(["127.0.0.1", "::1"]) is None
    assert family_of(["auto"]) is None
