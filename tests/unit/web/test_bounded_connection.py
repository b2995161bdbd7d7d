"""Connections that ask nothing: there are only so many, for only so long, and who asks still gets an answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from malaria.web import bounded_connection
from malaria.web.live_feed import LiveFeed
from malaria.web.web_app import WebOptions
from malaria.web.web_server import WebServer, serving_web

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
WAIT_S = 30


@contextmanager
def served() -> Iterator[WebServer]:
    with serving_web(":0", LiveFeed("attack"), WebOptions()) as server:
        yield server


def connected(server: WebServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), WAIT_S)


def is_ended(connection: socket.socket) -> bool:
    """Whether the server ends a connection within WAIT_S, after what it still sends."""
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        pass
    return True


def test_connections_above_the_bound_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_connection, "MOST_CONNECTIONS", 3)
    with served() as server, ExitStack() as opened:
        held = [opened.enter_context(connected(server)) for _ in range(3)]
        assert all(is_ended(opened.enter_context(connected(server))) for _ in range(5))
        held[0].sendall(HEALTH)
        assert held[0].recv(4096).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("sent", [b"", b"GET /run HTTP/1.1\r\nX: "])
def test_a_connection_without_a_whole_request_is_ended(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(bounded_connection, "HEAD_PATIENCE_S", 0.05)
    with served() as server, connected(server) as connection:
        connection.sendall(sent)
        assert is_ended(connection)


def test_a_connection_whose_second_request_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_connection, "HEAD_PATIENCE_S", 0.2)
    with served() as server, connected(server) as connection:
        connection.sendall(HEALTH)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        connection.sendall(HEALTH[:20])
        assert is_ended(connection)


def test_odd_requests_write_nothing_on_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    with served() as server:
        for odd in (b"\x16\x03\x01\x02\r\n\r\n", HEALTH[:-2] + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"):
            with connected(server) as connection:
                connection.sendall(odd)
                assert connection.recv(4096).startswith(b"HTTP/1.1 ")
    assert capfd.readouterr() == ("", "")
