"""The readings of the observers as a Prometheus page: `malaria watch TARGET --prometheus :9464`.

Each number of an observer is a gauge `malaria_OBSERVER_NAME`. Each `$SYS` topic that is a number is
`malaria_sys_topic{topic="..."}`. `malaria_observer_up{observer="..."}` is 0 while an observer sees nothing.
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
LOOPBACK: Final = "127.0.0.1"
"""Where the page is served unless an address is given."""
_NOT_IN_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
_REMEDY: Final = "write a port or an address and a port: :9464 for this machine alone, 0.0.0.0:9464 for all"


class _ReadingsCollector(Collector):
    """The collector that the library asks for the current values."""

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
def serving(address: str, latest: Callable[[], LatestReadings]) -> Iterator[int]:
    """Serve the page while the block runs; yield the port. Raise OperatorError if the address cannot be used."""
    host, port = parse_listen(address)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_ReadingsCollector(latest))
    try:
        server, thread = start_http_server(port, host, registry)
    # the port may be taken, or need root
    except OSError as error:
        raise OperatorError(f"--prometheus {address}: {error.strerror or error}", _REMEDY) from None
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        # a scrape that hangs must not keep the command from ending
        thread.join(2)


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of `:9464`, `9464`, `127.0.0.1:9464` or `[::1]:9464`. Raise OperatorError otherwise."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 1 << 16):
        raise OperatorError(f"--prometheus: {text!r} is not an address to listen on", _REMEDY)
    return host.strip("[]") or LOOPBACK, int(port)


def _add_number(family: GaugeMetricFamily, labels: list[str], reading: Reading) -> None:
    """Add a reading that is a number, or a text that holds one; leave out others."""
    try:
        value = float(reading)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return
    family.add_metric(labels, value)
