"""Our own Prometheus page, read back with the parser of others' pages."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest
from prometheus_client.parser import text_string_to_metric_families

from malaria.errors import OperatorError
from malaria.outputs.prometheus_export import MOST_SCRAPERS, MetricsPage, ReadingsCollector, serving
from malaria.records.rows import Observation
from malaria.report.terminal.latest_readings import LatestReadings


def readings_page(sightings: LatestReadings) -> MetricsPage:
    return MetricsPage(ReadingsCollector(lambda: sightings))


def page(sightings: LatestReadings) -> dict[tuple[str, ...], float]:
    with (
        serving("127.0.0.1:0", readings_page(sightings)) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer,
    ):
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_readings_are_gauges() -> None:
    sightings = LatestReadings()
    sightings.take(Observation("process", 1, {"cpu_percent": 71.5, "rss_bytes": None, "name": "mosquitto"}))
    sightings.take(Observation("sys", 1, {"clients_connected": 3, "$SYS/broker/x y": "7", "$SYS/broker/version": "v"}))
    sightings.take(Observation("prometheus", 1, {'a_total{b="c"}': 2.0}))
    sightings.take(Observation("host", 1, {"gap": "gone"}))
    found = page(sightings)
    assert found["malaria_process_cpu_percent",] == 71.5
    assert found["malaria_sys_clients_connected",] == 3
    assert found["malaria_sys_topic", "$SYS/broker/x y"] == 7
    assert found["malaria_observer_up", "process"] == 1
    assert found["malaria_observer_up", "host"] == 0
    assert ("malaria_process_rss_bytes",) not in found
    assert ("malaria_process_name",) not in found


def test_an_address_that_is_taken_is_said() -> None:
    with (
        serving("127.0.0.1:0", readings_page(LatestReadings())) as port,
        pytest.raises(OperatorError, match="--prometheus 127"),
    ):
        serving(f"127.0.0.1:{port}", readings_page(LatestReadings())).__enter__()


def test_another_path_says_where_the_page_is() -> None:
    with (
        serving("127.0.0.1:0", readings_page(LatestReadings())) as port,
        pytest.raises(urllib.error.HTTPError, match="the page is at /metrics"),
    ):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metric", timeout=5)


def test_a_name_that_was_made_to_point_here_is_refused_on_loopback() -> None:
    with serving("127.0.0.1:0", readings_page(LatestReadings())) as port:
        url = f"http://127.0.0.1:{port}/metrics"
        with pytest.raises(urllib.error.HTTPError, match="programs of this machine"):
            urllib.request.urlopen(urllib.request.Request(url, headers={"Host": f"evil.example:{port}"}), timeout=5)
        urllib.request.urlopen(urllib.request.Request(url, headers={"Host": f"localhost:{port}"}), timeout=5)


def test_a_page_is_made_once_a_second() -> None:
    asked, time_ns = [], [0]

    def latest() -> LatestReadings:
        asked.append(time_ns[0])
        return LatestReadings()

    page = MetricsPage(ReadingsCollector(latest), clock=lambda: time_ns[0])
    for tenth in range(21):
        time_ns[0] = tenth * 10**8
        page.render()
    assert asked == [0, 10**9, 2 * 10**9]


def test_scrapers_that_hang_hold_nothing_up() -> None:
    """They get a bounded number of threads; those beyond are turned away, and the end does not wait for them."""
    with ExitStack() as stack, serving("127.0.0.1:0", readings_page(LatestReadings())) as port:
        hanging = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(MOST_SCRAPERS)
        ]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as beyond:
            assert beyond.recv(1) == b""
        hanging[0].sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert hanging[0].recv(15) == b"HTTP/1.0 200 OK"
