"""The server on its thread: up before the load, away in time, and the report handed over to who is there."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from live_runs import Playback
from malaria.errors import OperatorError
from malaria.web.live_feed import LiveFeed
from malaria.web.web_app import WebOptions
from malaria.web.web_server import WebServer, serving_web


def connected(
    server: WebServer, path: str, *, as_page: bool = False
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    token = parts.query.removeprefix("token=")
    way_in = {"Cookie": f"malaria-{parts.port}={token}"} if as_page else {"Authorization": f"Bearer {token}"}
    connection.request("GET", path, headers=way_in)
    return connection, connection.getresponse()


def test_it_serves_and_then_the_port_is_free() -> None:
    with serving_web(":0", LiveFeed("attack"), WebOptions()) as server:
        connection, answer = connected(server, "/run")
        assert answer.status == 200
        connection.close()
        port = urlsplit(server.url).port
    with serving_web(f":{port}", LiveFeed("attack"), WebOptions()):
        pass


def test_a_port_that_is_taken_is_an_error_before_the_load() -> None:
    with serving_web(":0", LiveFeed("attack"), WebOptions()) as server:
        port = urlsplit(server.url).port
        with (
            pytest.raises(OperatorError, match="Address already in use"),
            serving_web(f":{port}", LiveFeed("attack"), WebOptions()),
        ):
            raise AssertionError("it was served twice")


def test_without_a_page_nothing_is_waited_for(tmp_path: Path) -> None:
    with serving_web(":0", LiveFeed("attack"), WebOptions()) as server:
        began_s = time.monotonic()
        server.hand_over(tmp_path / "report.html")
        assert time.monotonic() - began_s < 1


def test_a_page_that_is_open_gets_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("the report")
    feed = LiveFeed("attack")
    waited: list[int] = []
    with serving_web(":0", feed, WebOptions()) as server:
        Playback(feed).play(8)
        connection, stream = connected(server, "/events", as_page=True)
        seen: list[bytes] = []

        def read() -> None:
            while (line := stream.readline()) != b"event: report\n":
                assert line
            second, answer = connected(server, "/")
            seen.append(answer.read())
            second.close()

        browser = threading.Thread(target=read)
        browser.start()
        server.hand_over(report, waited.append)
        browser.join(30)
        connection.close()
    assert seen == [b"the report"]
    assert waited == [1]


def test_a_reader_that_does_not_read_keeps_nobody() -> None:
    feed = LiveFeed("attack")
    with serving_web(":0", feed, WebOptions()) as server:
        Playback(feed).play(30)
        connection, _ = connected(server, "/events")
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 10
    connection.close()


def test_the_token_is_in_no_representation() -> None:
    with serving_web(":0", LiveFeed("attack"), WebOptions()) as server:
        token = urlsplit(server.url).query.removeprefix("token=")
        assert len(token) >= 32
        assert token not in repr(server)
        assert token not in repr(server._tokens)


def test_a_program_is_not_waited_for(tmp_path: Path) -> None:
    feed = LiveFeed("attack")
    with serving_web(":0", feed, WebOptions()) as server:
        Playback(feed).play(8)
        connection, _ = connected(server, "/events")
        waited: list[int] = []
        server.hand_over(tmp_path / "report.html", waited.append)
        assert waited == []
        connection.close()


def test_nothing_is_printed_whatever_readers_do(capfd: pytest.CaptureFixture[str]) -> None:
    feed = LiveFeed("attack")
    with serving_web(":0", feed, WebOptions()) as server:
        Playback(feed).play(8)
        parts = urlsplit(server.url)
        for garbage in (b"\x00\xff\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"):
            with socket.create_connection((parts.hostname, parts.port), timeout=30) as line:
                line.sendall(garbage)
                line.recv(1000)
        connection, _ = connected(server, "/events")
        connection.close()
        reader, _ = connected(server, "/events")
    reader.close()
    assert capfd.readouterr() == ("", "")
    logger = logging.getLogger("uvicorn")  # what is logged and handled by nobody would be printed to standard error
    assert not logger.propagate
    assert any(isinstance(handler, logging.NullHandler) for handler in logger.handlers)
