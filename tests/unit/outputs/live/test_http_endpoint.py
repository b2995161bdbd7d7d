"""Posts to a server that refuses, hangs or errs cost posts and one mark; credentials show nowhere."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from live_attack import StagedAttack
from malaria.broker.running import free_port
from malaria.errors import OperatorError
from malaria.outputs.live import background_sink, http_endpoint
from malaria.outputs.live.http_endpoint import EndpointPosts, RefusedPostError, bearer, endpoint_of, headers_of
from post_receiver import Receiver, receiving


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://c:4318", "http://c:4318/p/x"),
        ("http://c:4318/", "http://c:4318/p/x"),
        ("https://c/sub", "https://c/sub/p/x"),
        ("https://c/p/x", "https://c/p/x"),
        ("http://[::1]:80", "http://[::1]:80/p/x"),
    ],
)
def test_urls(text: str, url: str) -> None:
    assert endpoint_of("--otlp", text, "/p/x", {}).url == url


@pytest.mark.parametrize(
    "text",
    ["", "c:4318", "ftp://c", "http://", "http://c:0", "http://c:99999", "http://a b", "http://ä", "http://u:p@c",
     "http://token@c", "http://c?token=geheim", "http://c\n"],
)  # fmt: skip
def test_what_is_no_url_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^--otlp: ") as refusal:
        endpoint_of("--otlp", text, "/p", {})
    assert not text or text not in refusal.value.message


def test_headers() -> None:
    assert headers_of("V", "") == {}
    assert headers_of("V", "api-key=a%20b, x=1,") == {"api-key": "a b", "x": "1"}
    for wrong in ("geheim", "a=b,ge heim=x", "a=%0d%0ageheim: 1", "a=geh\xe4im"):
        with pytest.raises(OperatorError, match="V: entry") as refusal:
            headers_of("V", wrong)
        assert "heim" not in str(refusal.value)
    assert bearer("V", None) == {}
    assert bearer("V", "abc") == {"Authorization": "Bearer abc"}
    with pytest.raises(OperatorError, match=r"^V: not a token"):
        bearer("V", "abc\n")


def test_a_post_arrives_with_its_headers_which_no_text_shows() -> None:
    with receiving(Receiver(answer=b"taken")) as there:
        endpoint = endpoint_of("--otlp", there.url, "/v1", {"api-key": "geheim"})
        assert endpoint.post(b"body", "text/x") == b"taken"
        ((path, headers, body),) = there.posts
    assert (path, body, headers["Content-Type"], headers["api-key"]) == ("/v1", b"body", "text/x", "geheim")
    assert "geheim" not in f"{endpoint} {endpoint!r}"


@pytest.mark.parametrize("status", [301, 400, 401, 500, 503])
def test_an_error_is_told(status: int) -> None:
    with receiving(Receiver(status, location="http://127.0.0.1:1/elsewhere")) as there:
        with pytest.raises(RefusedPostError, match=f"HTTP {status}"):
            endpoint_of("--otlp", there.url, "/v1", {"api-key": "geheim"}).post(b"", "text/x")
        assert len(there.posts) == 1


def test_a_port_without_a_server_is_told() -> None:
    with pytest.raises(RefusedPostError, match="Connection refused"):
        endpoint_of("--otlp", f"http://127.0.0.1:{free_port()}", "/v1", {}).post(b"", "text/x")


def test_a_host_that_cannot_be_one_is_told() -> None:
    with pytest.raises(RefusedPostError):
        endpoint_of("--otlp", "http://a..b", "/v1", {}).post(b"", "text/x")


def test_a_server_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_endpoint, "TIMEOUT_S", 0.05)
    with receiving(Receiver(hangs=True)) as there, pytest.raises(RefusedPostError, match=r"longer than|timed out"):
        endpoint_of("--otlp", there.url, "/v1", {}).post(b"", "text/x")


def test_garbage_in_place_of_an_answer_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = endpoint_of("--otlp", f"http://127.0.0.1:{server.getsockname()[1]}", "/v1", {})
        posts = EndpointPosts(endpoint, "text/x", 5)
        posts.put(lambda: posts.post(b""))
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"\x00\xff\x1b]0;x\x07\r\n\r\n")
        posts.close()
    assert posts.failed == 1
    assert posts.failing.isprintable()


def test_many_failures_make_one_mark(tmp_path: Path) -> None:
    attack = StagedAttack(tmp_path)
    with receiving(Receiver(500)) as there:
        posts = EndpointPosts(endpoint_of("--otlp", there.url, "/v1", {}), "text/x", 100)
        posts.begin(attack)
        for _ in range(5):
            posts.put(lambda: posts.post(b""))
        assert not posts.close()
    assert posts.failed == 5
    assert attack.notes == [f"--otlp {there.url}/v1: HTTP 500 Internal Server Error; the load goes on"]


def test_the_end_does_not_wait_for_a_server_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_sink, "CLOSE_S", 0.05)
    with receiving(Receiver(hangs=True)) as there:
        posts = EndpointPosts(endpoint_of("--otlp", there.url, "/v1", {}), "text/x", 2)
        posts.put(lambda: posts.post(b""))
        there.came.wait(10)
        for _ in range(4):
            posts.put(lambda: posts.post(b""))
        assert not posts.close()
        assert posts.dropped == 4
