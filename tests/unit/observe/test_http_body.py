"""The body of an answer: whole, bounded, never waited for without end."""

from __future__ import annotations

import http.client
import io
import socket
import threading
from contextlib import suppress
from itertools import count

import pytest

from malaria.observe.http_body import read_body, read_head


class Wire:
    """A socket that holds one answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._data))  # type: ignore[arg-type]


def answer(head: str, body: bytes) -> http.client.HTTPResponse:
    made = http.client.HTTPResponse(Wire(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body))  # type: ignore[arg-type]
    made.begin()
    return made


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Content-Length: 5", b"12345"),
        ("Connection: close", b"12345"),
        ("Transfer-Encoding: chunked", b"2\r\n12\r\n3\r\n345\r\n0\r\n\r\n"),
    ],
)
def test_it_is_read_whole_or_up_to_the_bound(head: str, body: bytes) -> None:
    assert read_body(answer(head, body), 100) == b"12345"
    assert read_body(answer(head, body), 4) == b"1234"


@pytest.mark.parametrize(
    ("head", "body"), [("Content-Length: 9", b"12345"), ("Transfer-Encoding: chunked", b"9\r\n12345")]
)
def test_one_that_was_cut_short_is_none(head: str, body: bytes) -> None:
    with pytest.raises(http.client.IncompleteRead):
        read_body(answer(head, body), 100)


def test_one_that_drips_is_given_up() -> None:
    seconds = count(0, 3)
    with pytest.raises(TimeoutError, match="took longer than 4 s"):
        read_body(answer("Transfer-Encoding: chunked", b"1\r\nx\r\n" * 9), 100, lambda: next(seconds))


def _serve(server: socket.socket, over: threading.Event, *, endless: bool) -> None:
    connection, _ = server.accept()
    with connection, suppress(OSError):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while endless and not over.wait(0.05):
            connection.sendall(b"X: a\r\n")
        connection.sendall(b"Content-Length: 2\r\n\r\nok")


@pytest.mark.parametrize("endless", [False, True])
def test_headers_without_an_end_are_cut_off(*, endless: bool) -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, over), kwargs={"endless": endless})
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.getsockname()[1], timeout=10)
        try:
            connection.request("GET", "/")
            if endless:
                with pytest.raises(TimeoutError, match=r"the headers took longer than 0\.3 s"):
                    read_head(connection, 0.3)
            else:
                assert read_body(read_head(connection, 10), 100) == b"ok"
        finally:
            over.set()
            connection.close()
            thread.join()
