"""Source addresses that cannot reach the target are refused before the load."""

from __future__ import annotations

import socket

import pytest

from malaria.errors import OperatorError
from malaria.transport.addresses import choose_sources

IPV4 = (int(socket.AF_INET), ("127.0.0.1", 1883))
IPV6 = (int(socket.AF_INET6), ("::1", 1883))


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
