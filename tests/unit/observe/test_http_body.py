"""The body of an answer: whole, bounded, never waited for without end."""

from __future__ import annotations

import http.client
import io
from itertools import count

import pytest

from malaria.observe.http_body import read_body


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
