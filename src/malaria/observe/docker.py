"""Observes a container by its name, through the socket of the Docker engine on this machine.

CPU is in percent of one core, from differences of the engine's own counter. Source: Docker Engine API, ContainerStats.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from malaria.observe.http_body import read_body, read_head
from malaria.observe.observer import LostError, Readings, clean

SOCKET: Final = "/var/run/docker.sock"
TIMEOUT_S: Final = 4.0
LARGEST_ANSWER_BYTES: Final = 4 << 20


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class DockerObserver:
    """The observer of one container."""

    name = "docker"

    def __init__(self, container: str, path: str = "") -> None:
        self.about = f"container {container}"
        self._container = container
        self._path = path or os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or SOCKET
        self._last: tuple[int, int] | None = None  # (run time, CPU time of the container), both in ns

    def start(self) -> None:
        if not os.path.exists(self._path):
            raise LostError(f"there is no Docker engine on this machine: no socket at {self._path}")

    def sample(self, now_ns: int) -> Readings:
        stats = self._ask(f"/containers/{quote(self._container, safe='')}/stats?stream=false&one-shot=true")
        cpu_ns = _number(stats, "cpu_stats", "cpu_usage", "total_usage")
        # a stopped container answers too, with zeros
        if not cpu_ns:
            raise LostError(f"{self.about} is not running")
        last, self._last = self._last, (now_ns, cpu_ns)
        found = container_figures(stats)
        if last is not None and now_ns > last[0] and cpu_ns >= last[1]:  # less CPU time than before: it was restarted
            found["cpu_percent"] = round(100 * (cpu_ns - last[1]) / (now_ns - last[0]), 2)
        return found

    def stop(self) -> None: ...

    def _ask(self, path: str) -> dict[str, Any]:
        connection = _SocketConnection(self._path)
        try:
            connection.request("GET", path)
            response = read_head(connection)
            data = read_body(response, LARGEST_ANSWER_BYTES)
        except PermissionError:
            raise LostError(f"this user may not read {self._path}; join the group docker") from None
        except (OSError, http.client.HTTPException) as error:
            raise LostError(f"the Docker engine does not answer: {clean(str(error))}") from None
        finally:
            connection.close()
        if response.status == http.client.NOT_FOUND:
            raise LostError(f"there is no {self.about}")
        return _parse_object(data, response.status)


def container_figures(stats: Mapping[str, Any]) -> dict[str, float | int | str | None]:
    """Return the current figures. Memory does not include the file cache, as in `docker stats`."""
    used = _number(stats, "memory_stats", "usage")
    cache = _number(stats, "memory_stats", "stats", "inactive_file") or 0
    networks = stats.get("networks")
    devices = [device for device in networks.values() if isinstance(device, dict)] if isinstance(networks, dict) else []
    return {
        "rss_bytes": None if used is None else max(0, used - cache),
        "memory_limit_bytes": _number(stats, "memory_stats", "limit"),
        "processes": _number(stats, "pids_stats", "current"),
        "network_received_bytes": sum(_number(device, "rx_bytes") or 0 for device in devices),
        "network_sent_bytes": sum(_number(device, "tx_bytes") or 0 for device in devices),
        "throttled_periods": _number(stats, "cpu_stats", "throttling_data", "throttled_periods"),
    }


def _number(table: Mapping[str, Any], *keys: str) -> int | None:
    value: Any = table
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _parse_object(data: bytes, status: int) -> dict[str, Any]:
    """Parse the JSON object of a response. Raises LostError for any other response."""
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        parsed = None
    if status != http.client.OK or not isinstance(parsed, dict):
        raise LostError(f"the Docker engine answers with status {status} and without figures")
    return parsed
