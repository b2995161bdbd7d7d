"""A broker's Prometheus page, from a small server of our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from malaria.clock import NS_PER_S as S
from malaria.observe import prometheus
from malaria.observe.observer import LostError
from malaria.observe.prometheus import PrometheusObserver

PAGE = """# HELP rabbitmq_queue_messages Sum of ready and unacknowledged messages
# TYPE rabbitmq_queue_messages gauge
rabbitmq_queue_messages 12
# TYPE emqx_messages_received counter
emqx_messages_received{{node="a"}} {total}
emqx_messages_received{{node="b"}} 5
# TYPE latency histogram
latency_bucket{{le="+Inf"}} 3
latency_sum 2.5
latency_count 3
# TYPE odd gauge
odd NaN
"""


@dataclass
class Site:
    body: bytes = b""
    status: int = 200
    seen: list[dict[str, str]] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.seen.append(dict(self.headers) | {"path": self.path})
            self.send_response(site.status)
            self.end_headers()
            self.wfile.write(site.body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    site.port = server.server_port
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


def test_series_and_rates(site: Site) -> None:
    observer = PrometheusObserver(f"http://127.0.0.1:{site.port}/metrics?x=1")
    site.body = PAGE.format(total=100).encode()
    first = observer.sample(0)
    assert first["rabbitmq_queue_messages"] == 12
    assert first['emqx_messages_received{node="a"}'] == 100
    assert not any(name.endswith("_per_s") for name in first)
    site.body = PAGE.format(total=400).encode()
    second = observer.sample(2 * S)
    assert second['emqx_messages_received{node="a"}_per_s'] == 150.0
    assert second['emqx_messages_received{node="b"}_per_s'] == 0.0
    assert site.seen[0]["path"] == "/metrics?x=1"
    site.body = PAGE.format(total=3).encode()
    assert 'emqx_messages_received{node="a"}_per_s' not in observer.sample(3 * S)


def test_chosen_series(site: Site) -> None:
    site.body = PAGE.format(total=1).encode()
    url = f"http://127.0.0.1:{site.port}/"
    assert set(PrometheusObserver(url, ["rabbitmq_.*"]).sample(0)) == {"rabbitmq_queue_messages", "messages_stored"}
    assert set(PrometheusObserver(url, [r'emqx_messages_received\{node="b"\}']).sample(0)) == {
        'emqx_messages_received{node="b"}', "messages_stored",
    }  # fmt: skip


def test_what_we_have_names_for(site: Site) -> None:
    """Summed over labels, the first of the table where there are several, a counter with its rate."""
    observer = PrometheusObserver(f"http://127.0.0.1:{site.port}/", ["nothing"])
    page = """# TYPE rabbitmq_global_messages_dead_lettered_maxlen counter
rabbitmq_global_messages_dead_lettered_maxlen_total{{queue_type="classic"}} {total}
rabbitmq_global_messages_dead_lettered_maxlen_total{{queue_type="quorum"}} 2
# TYPE rabbitmq_queue_messages_unacked gauge
rabbitmq_queue_messages_unacked 7
# TYPE queue_message_drop counter
queue_message_drop 999
# TYPE rabbitmq_queue_messages gauge
rabbitmq_queue_messages NaN
"""
    site.body = page.format(total=3).encode()
    assert observer.sample(0) == {"publish_dropped": 5, "messages_inflight": 7}
    site.body = page.format(total=23).encode()
    assert observer.sample(2 * S) == {"publish_dropped": 25, "publish_dropped_per_s": 10, "messages_inflight": 7}


def test_more_than_the_bound_is_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "MOST_SERIES", 2)
    site.body = PAGE.format(total=1).encode()
    values = PrometheusObserver(f"http://127.0.0.1:{site.port}").sample(0)
    assert len(values) == 4
    assert (values["series_left_out"], values["messages_stored"]) == (5, 12)


def test_a_login_goes_into_a_header_and_nowhere_else(site: Site) -> None:
    observer = PrometheusObserver(f"http://me:s%40same@127.0.0.1:{site.port}/metrics")
    observer.sample(0)
    assert site.seen[0]["Authorization"] == "Basic bWU6c0BzYW1l"
    assert "same" not in observer.about
    assert "me" not in observer.about.removesuffix("/metrics")


def test_trouble_is_said_in_words(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    observer = PrometheusObserver(f"http://127.0.0.1:{site.port}/metrics")
    site.status = 404
    with pytest.raises(LostError, match="answers 404 Not Found for /metrics"):
        observer.sample(0)
    site.status, site.body = 302, b""
    with pytest.raises(LostError, match="answers 302"):
        observer.sample(0)
    site.status, site.body = 200, b"<html>\x00{"
    with pytest.raises(LostError, match="is not a Prometheus page"):
        observer.sample(0)
    monkeypatch.setattr(prometheus, "LARGEST_PAGE_BYTES", 3)
    with pytest.raises(LostError, match="longer than"):
        observer.sample(0)


def test_nobody_there() -> None:
    with pytest.raises(LostError, match=r"127\.0\.0\.1:1 does not answer: Connection refused"):
        PrometheusObserver("http://127.0.0.1:1/metrics").sample(0)
