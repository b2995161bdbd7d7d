"""Serve a Prometheus page: the readings of the observers (`malaria watch`), and the figures of an attack with them.

Each number of an observer is a gauge `malaria_OBSERVER_NAME`. Each `$SYS` topic that is a number is
`malaria_sys_topic{topic="..."}`. `malaria_observer_up{observer="..."}` is 0 while an observer sees nothing.

Promises: a page is made at most once a second, however often it is asked for; a scraper that hangs holds a thread for
SCRAPE_S at most, and no more than MOST_SCRAPERS of them are served at a time.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import BoundedSemaphore, Lock, Thread
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from malaria.clock import NS_PER_S, Clock, now_ns
from malaria.errors import OperatorError
from malaria.outputs.listen_text import listen_remedy, parse_listen
from malaria.outputs.own_host import is_own_host
from malaria.records.rows import Reading
from malaria.report.terminal.latest_readings import LatestReadings

TOPIC: Final = "$SYS/"
PATHS: Final = ("/metrics", "/")
SCRAPE_S: Final = 5.0
MOST_SCRAPERS: Final = 8
_NOT_IN_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
_USUAL_PORT: Final = 9464


class MetricsPage:
    """The text of a page. It may be asked for on any thread."""

    def __init__(self, *collectors: Collector, clock: Clock = now_ns) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        for collector in collectors:
            self._registry.register(collector)
        self._clock = clock
        self._lock = Lock()
        self._made: dict[str, tuple[int, bytes]] = {}  # by content type: when, and the page

    def render(self, accept: str = "") -> tuple[str, bytes]:
        """Return content type and page in the format that the Accept header of a request asks for."""
        encode, content_type = choose_encoder(accept)
        with self._lock:
            at_ns, page = self._made.get(content_type, (None, b""))
            if at_ns is None or self._clock() - at_ns >= NS_PER_S:
                page = encode(self._registry)
                self._made[content_type] = self._clock(), page
        return content_type, page


class ReadingsCollector(Collector):
    """The collector that the library asks for the current values of the observers."""

    def __init__(self, latest: Callable[[], LatestReadings]) -> None:
        self._latest = latest

    def collect(self) -> Iterable[GaugeMetricFamily]:
        latest = self._latest()
        up = GaugeMetricFamily("malaria_observer_up", "1 while the observer sees something", labels=["observer"])
        topics = GaugeMetricFamily("malaria_sys_topic", "$SYS topics of the broker that are numbers", labels=["topic"])
        gauges: dict[str, GaugeMetricFamily] = {}
        # copies: the observers deliver on another thread
        for observer, values in list(latest.readings.items()):
            up.add_metric([observer], 1)
            for name, reading in list(values.items()):
                if name.startswith(TOPIC):
                    _add_number(topics, [name], reading)
                else:
                    metric = _NOT_IN_NAME.sub("_", f"malaria_{observer}_{name}")
                    family = gauges.setdefault(metric, GaugeMetricFamily(metric, f"{observer}: {name}"))
                    _add_number(family, [], reading)
        for observer in list(latest.gaps):
            up.add_metric([observer], 0)
        # two names may become the same metric once their other signs are replaced: then neither is exported
        return [up, topics, *(family for family in gauges.values() if len(family.samples) == 1)]


@contextmanager
def serving(address: str, page: MetricsPage) -> Iterator[int]:
    """Serve the page while the block runs; yield the port. Raise OperatorError if the address cannot be used."""
    host, port = parse_listen("--prometheus", address, _USUAL_PORT)
    # the port may be taken, or need root
    try:
        server = _PageServer(host, port, page)
    except OSError as error:
        raise OperatorError(f"--prometheus {address}: {error.strerror or error}", listen_remedy(_USUAL_PORT)) from None
    thread = Thread(target=server.serve_forever, args=(0.1,), name="prometheus", daemon=True)
    thread.start()
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(1)


class _PageServer(ThreadingHTTPServer):
    """A server of one page, whose scrapers have a thread each."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, page: MetricsPage) -> None:
        (family, *_, place), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        self.address_family = family
        self.page = page
        self._free = BoundedSemaphore(MOST_SCRAPERS)
        super().__init__((str(place[0]), int(place[1])), _PageHandler)
        # elsewhere scrapers use whatever name leads here; on loopback another name is a web page's trick
        self.is_local = ip_address(str(self.server_address[0]).partition("%")[0]).is_loopback

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a scraper on its own thread; turn it away if too many hang."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a scraper that leaves is no fault."""


class _PageHandler(BaseHTTPRequestHandler):
    """One request for the page."""

    server: _PageServer
    timeout = SCRAPE_S

    def do_GET(self) -> None:
        # a browser always names a host; HTTP/1.0 need not
        if self.server.is_local and not is_own_host(self.headers.get("Host", "localhost")):
            self.send_error(HTTPStatus.FORBIDDEN, "this page is for programs of this machine")
            return
        if self.path.partition("?")[0] not in PATHS:
            self.send_error(HTTPStatus.NOT_FOUND, "the page is at /metrics")
            return
        content_type, page = self.server.page.render(self.headers.get("Accept", ""))
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Print nothing: a scrape a second would fill the screen."""


def _add_number(family: GaugeMetricFamily, labels: list[str], reading: Reading) -> None:
    """Add a reading that is a number, or a text that holds one; leave out others."""
    try:
        value = float(reading)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return
    family.add_metric(labels, value)
