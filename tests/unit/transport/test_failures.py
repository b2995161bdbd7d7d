"""Causes of failed connects: their remedies, and which of them are this host's own."""

from __future__ import annotations

import errno
import os

import pytest

from malaria.transport.failures import OWN_SHORTAGES, connect_error, failure_of, own_shortages, remedies

REFUSED = connect_error(errno.ECONNREFUSED)
NO_PORT = connect_error(errno.EADDRNOTAVAIL)


@pytest.mark.parametrize("address", ["127.0.0.2:1883", "[::1]:1883", "[fe80::1%eth0]:1883"])
def test_a_cause_has_the_same_remedy_with_an_address_at_its_end(address: str) -> None:
    named = f"{REFUSED} ({address})"
    assert remedies([named]) == {named: remedies([REFUSED])[REFUSED]}


def test_other_brackets_are_no_address() -> None:
    assert remedies([f"{REFUSED} (there)"]) == {}


def test_what_this_host_lacks_is_told_from_what_the_broker_does() -> None:
    clients = {f"{NO_PORT} (127.0.0.2:1883)": 3, connect_error(errno.EMFILE): 2, REFUSED: 9}
    assert own_shortages(clients) == {f"{NO_PORT} (127.0.0.2:1883)": 3, connect_error(errno.EMFILE): 2}


@pytest.mark.parametrize(
    ("code", "cause", "remedy"),
    [
        (errno.EINVAL, "a blackhole route of this machine", "ip route get ADDRESS"),
        (errno.EACCES, "a prohibit route, or a rule of its firewall", "nft list ruleset"),
        (errno.EPERM, "a prohibit route, or a rule of its firewall", "nft list ruleset"),
    ],
)
def test_a_route_or_a_rule_that_ends_connects_here_is_named(code: int, cause: str, remedy: str) -> None:
    told = failure_of(OSError(code, os.strerror(code)))
    assert cause in told
    assert remedy in remedies([told])[told]


def test_each_shortage_has_a_remedy() -> None:
    assert all(remedies([connect_error(code)]) for code in OWN_SHORTAGES)
