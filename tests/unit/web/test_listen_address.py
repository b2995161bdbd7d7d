"""Where the page listens: how it is written, and what is said when it cannot be had."""

from __future__ import annotations

import socket

import pytest

from malaria.errors import OperatorError
from malaria.web.listen_address import USUAL_PORT, ListenAddress, bound_socket, parse_listen_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("auto", ListenAddress("127.0.0.1", USUAL_PORT, may_move=True)),
        (":8080", ListenAddress("127.0.0.1", 8080)),
        ("8080", ListenAddress("127.0.0.1", 8080)),
        ("localhost:1", ListenAddress("127.0.0.1", 1)),
        ("0.0.0.0:8080", ListenAddress("0.0.0.0", 8080)),
        ("[::1]:8080", ListenAddress("::1", 8080)),
        (":0", ListenAddress("127.0.0.1", 0)),
    ],
)
def test_addresses(text: str, address: ListenAddress) -> None:
    assert parse_listen_address(text) == address


@pytest.mark.parametrize("text", ["", "here", ":", ":x", ":99999", "broker.example:80", "1.2.3:80", ":٣", "[::1:80"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(OperatorError, match="--web: ") as refusal:
        parse_listen_address(text)
    assert ":8080 for this machine alone" in refusal.value.remedy


def test_a_port_that_is_taken() -> None:
    with bound_socket(ListenAddress("127.0.0.1", 0)) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(OperatorError, match=f"--web: 127.0.0.1:{port} cannot be used: Address already in use"):
            bound_socket(ListenAddress("127.0.0.1", port))
        with bound_socket(ListenAddress("127.0.0.1", port, may_move=True)) as second:
            assert second.getsockname()[1] != port


def test_an_address_of_another_machine() -> None:
    with pytest.raises(OperatorError, match=r"--web: 192\.0\.2\.1:0 cannot be used"):
        bound_socket(ListenAddress("192.0.2.1", 0)).close()


def test_an_address_of_version_6() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    with bound_socket(ListenAddress("::1", 0)) as bound:
        assert bound.family is socket.AF_INET6
