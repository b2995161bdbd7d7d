"""Observes the host of the broker: processors, memory, network, TCP.

Rates are differences divided by the change of the host's own uptime, so that a late or slow reading does not distort
them. Network figures leave out the loopback device, which has figures of its own: it carries the load of a broker on
this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from malaria.observe import proc
from malaria.observe.observer import LostError, Readings
from malaria.observe.proc_reader import ProcReader

FILES: Final = (
    proc.UPTIME,
    proc.STAT,
    proc.MEMORY,
    proc.DEVICES,
    proc.SNMP,
    proc.NETSTAT,
    proc.SOCKSTAT,
)
LOOPBACK: Final = "lo"

TOTALS: Final = {
    "tcp_retransmits": "Tcp.RetransSegs",
    "listen_overflows": "TcpExt.ListenOverflows",
    "listen_drops": "TcpExt.ListenDrops",
}
"""Counters of the kernel that are kept as increments since the observer began."""
SOCKETS: Final = {"tcp_sockets": "TCP.inuse", "tcp_time_wait": "TCP.tw", "sockets": "sockets.used"}


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """One reading of the host."""

    uptime_s: float
    cpu: proc.CpuTicks
    memory: Mapping[str, int]  # KiB
    network: Mapping[str, int]  # totals
    counters: Mapping[str, int]
    sockets: Mapping[str, int]


class HostObserver:
    """The observer of one host, this one or one over ssh."""

    name = "host"

    def __init__(self, reader: ProcReader) -> None:
        self.about = reader.place
        self._reader = reader
        self._first: HostSnapshot | None = None
        self._last: HostSnapshot | None = None

    def start(self) -> None:
        self._reader.open()

    def sample(self, now_ns: int) -> Readings:
        snapshot = read_snapshot(self._reader.texts(FILES), self.about)
        last, self._last = self._last, snapshot
        if last is not None and last.uptime_s > snapshot.uptime_s:  # the host was rebooted: its counters began at 0
            last = self._first = None
        self._first = self._first or snapshot
        return current_figures(snapshot, self._first) | rates(snapshot, last)

    def stop(self) -> None:
        self._reader.close()


def read_snapshot(texts: Mapping[str, str], place: str) -> HostSnapshot:
    """Parse the texts of one reading. Raises LostError if uptime, processors or memory are missing."""
    uptime_s = proc.uptime_s(texts.get(proc.UPTIME, ""))
    cpu = proc.cpu_ticks(texts.get(proc.STAT, ""))
    memory = proc.keyed_numbers(texts.get(proc.MEMORY, ""))
    if uptime_s is None or cpu is None or "MemTotal" not in memory:
        raise LostError(f"{place} has no readable /proc")
    counters = proc.paired_counters(texts.get(proc.SNMP, "")) | proc.paired_counters(texts.get(proc.NETSTAT, ""))
    network = _network(proc.device_counters(texts.get(proc.DEVICES, "")))
    return HostSnapshot(uptime_s, cpu, memory, network, counters, proc.socket_counts(texts.get(proc.SOCKSTAT, "")))


def _network(devices: Mapping[str, tuple[int, int, int, int]]) -> dict[str, int]:
    names = ("network_received_bytes", "network_received_packets", "network_sent_bytes", "network_sent_packets")
    outer = [counters for device, counters in devices.items() if device != LOOPBACK]
    totals = {name: sum(counters[column] for counters in outer) for column, name in enumerate(names)}
    if LOOPBACK in devices:
        totals["loopback_bytes"], totals["loopback_packets"] = devices[LOOPBACK][2:]
    return totals


def current_figures(snapshot: HostSnapshot, first: HostSnapshot) -> dict[str, float | int | str | None]:
    """Return the figures of this moment, and what the kernel's counters grew by since the first reading."""
    memory = snapshot.memory
    # not MemFree: the file cache is given up when a program needs memory
    free = memory.get("MemAvailable")
    found: dict[str, float | int | str | None] = {
        "memory_bytes": memory["MemTotal"] * proc.KIB,
        "memory_used_bytes": None if free is None else (memory["MemTotal"] - free) * proc.KIB,
        "processors": snapshot.cpu.processors,
    }
    found |= {name: snapshot.sockets.get(key) for name, key in SOCKETS.items()}
    for name, key in TOTALS.items():
        now, before = snapshot.counters.get(key), first.counters.get(key)
        found[name] = None if now is None or before is None else now - before
    return found


def rates(snapshot: HostSnapshot, last: HostSnapshot | None) -> dict[str, float | None]:
    """Return the rates since the last reading; empty for the first one, or if no time has passed."""
    if last is None or snapshot.uptime_s <= last.uptime_s:
        return {}
    seconds = snapshot.uptime_s - last.uptime_s
    whole = snapshot.cpu.whole - last.cpu.whole
    found: dict[str, float | None] = {
        "cpu_percent": round(100 * (snapshot.cpu.busy - last.cpu.busy) / whole, 2) if whole > 0 else None
    }
    for name, total in snapshot.network.items():
        before = last.network.get(name)
        # a device that went away, or a counter that wrapped, would be a negative rate
        grown = None if before is None or total < before else (total - before) / seconds
        found[f"{name}_per_s"] = None if grown is None else round(grown, 1)
    return found
