"""What observers see, as a Prometheus page of our own: `malaria watch TARGET --prometheus :9464`.

Each number of an observer is a gauge `malaria_OBSERVER_NAME`; each of the broker's own topics that is a number is
`malaria_sys_topic{topic="..."}`; `malaria_observer_up{observer="..."}` is 0 while an observer sees nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from malaria.errors import OperatorError
from malaria.records.rows import Reading
from malaria.report.terminal.latest_readings import LatestReadings

TOPIC: Final = "$SYS/"
EVERYWHERE: Final = "0.0.0.0"
_FOREIGN: Final = re.compile(r"[^a-zA-Z0-9_]")
_FORM: Final = "write a port or an address and a port: :9464, 127.0.0.1:9464"


class _Page(Collector):
    """Asked by the library for what there is now."""

    def __init__(self, newest: Callable[[], LatestReadings]) -> None:
        self._newest = newest

    def collect(self) -> Iterable[GaugeMetricFamily]:
        sightings = self._newest()
        up = GaugeMetricFamily("malaria_observer_up", "1 while the observer sees something", labels=["observer"])
        topics = GaugeMetricFamily("malaria_sys_topic", "the broker's own topics that are numbers", labels=["topic"])
        gauges: dict[str, GaugeMetricFamily] = {}
        for observer, readings in list(sightings.readings.items()):
            up.add_metric([observer], 1)
            for name, reading in list(readings.items()):
                if name.startswith(TOPIC):
                    _add(topics, [name], reading)
                else:
                    metric = _FOREIGN.sub("_", f"malaria_{observer}_{name}")
                    family = gauges.setdefault(metric, GaugeMetricFamily(metric, f"{observer}: {name}"))
                    _add(family, [], reading)
        for observer in list(sightings.gaps):
            up.add_metric([observer], 0)
        return [up, topics, *(family for family in gauges.values() if len(family.samples) == 1)]


@contextmanager
def serving(address: str, newest: Callable[[], LatestReadings]) -> Iterator[int]:
    """Serves the page while the block runs; gives the port. Raises OperatorError for what cannot be listened to."""
    host, port = parse_listen(address)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(newest))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise OperatorError(f"--prometheus {address}: {error.strerror or error}", _FORM) from None
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2)


def parse_listen(text: str) -> tuple[str, int]:
    """`:9464`, `9464`, `127.0.0.1:9464`, `[::1]:9464`. Raises OperatorError."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 1 << 16):
        raise OperatorError(f"--prometheus {text!r} is no address to listen at", _FORM)
    return host.strip("[]") or EVERYWHERE, int(port)


def _add(family: GaugeMetricFamily, labels: list[str], reading: Reading) -> None:
    """Texts that are numbers count as such; what is unknown is left out."""
    try:
        value = float(reading)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return
    family.add_metric(labels, value)
