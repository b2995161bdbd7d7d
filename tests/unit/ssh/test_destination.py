"""Addresses of hosts that ssh reaches."""

from __future__ import annotations

import pytest

from malaria.ssh.destination import SshDestination, parse_destination
from malaria.units import NotationError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.3", SshDestination("10.0.0.3")),
        ("karl@bee.example:2222", SshDestination("bee.example", "karl", 2222)),
        ("ssh://karl@bee", SshDestination("bee", "karl")),
        ("karl@[fe80::1]:22", SshDestination("fe80::1", "karl", 22)),
        (" bee_7 ", SshDestination("bee_7")),
    ],
)
def test_an_address_is_read(text: str, address: SshDestination) -> None:
    assert parse_destination(text) == address
    assert parse_destination(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "@bee", "-oProxyCommand=x", "a b", "bee:0", "bee:99999", "x@-bee", "a@b@c", "-x@b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NotationError, match="is not a host"):
        parse_destination(text)
