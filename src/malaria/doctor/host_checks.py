"""Checks of this machine: one small function for each limit that has spoilt a load, and the table of them."""

from __future__ import annotations

import os
import resource
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from malaria.doctor.finding import DoctorFinding, Status, judged
from malaria.doctor.need import CONNECTS_IN_PROGRESS, LoadNeed
from malaria.doctor.sockets import taken_ports
from malaria.transport.host_limits import ephemeral_ports
from malaria.units import format_bytes, format_count

SLOW_CLOCKS: Final = frozenset({"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"})
"""Clock sources that are read from a device by a system call, which takes 1 us and more."""
STEADY_GOVERNOR: Final = "performance"
LEAST_PYTHON: Final = (3, 13)
PORT_RANGE: Final = "sys/net/ipv4/ip_local_port_range"
MORE_PORTS: Final = (
    "use --source-address (on loopback malaria spreads the clients by itself), "
    "or sysctl net.ipv4.ip_local_port_range='1024 65535'"
)


@dataclass(frozen=True, slots=True)
class HostLimits:
    """The facts of this machine, and the directories where they are read."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    limits: tuple[int, int] = field(default_factory=lambda: resource.getrlimit(resource.RLIMIT_NOFILE))
    cores: int = field(default_factory=lambda: os.process_cpu_count() or 1)
    python: tuple[int, ...] = field(default_factory=lambda: tuple(sys.version_info[:3]))
    has_psk: bool = field(default_factory=lambda: bool(ssl.HAS_PSK))

    def text(self, path: Path) -> str | None:
        """Read a file of /proc or /sys; None if it cannot be read."""
        try:
            return path.read_text().strip()
        except OSError:
            return None

    def number(self, *parts: str) -> int | None:
        """Read a number from a file below /proc; None if there is none."""
        text = self.text(self.proc.joinpath(*parts))
        return int(text) if text is not None and text.isdigit() else None


def examine_host(host: HostLimits, need: LoadNeed) -> list[DoctorFinding]:
    """Run every check of this machine, in the order of the table."""
    return [check(host, need) for check in CHECKS]


def open_files(host: HostLimits, need: LoadNeed) -> DoctorFinding:
    soft, hard = host.limits
    fits = hard == resource.RLIM_INFINITY or hard >= need.descriptors
    remedy = f"raise it as root: ulimit -Hn {need.descriptors}, or use more --workers"
    measured = _limit(hard) if soft == hard else f"{_limit(soft)}, raised to {_limit(hard)}"
    return judged(
        "open files",
        measured,
        _per_holder(need.descriptors, need.workers, "workers"),
        None if fits else (Status.BAD, remedy),
    )


def open_files_in_all(host: HostLimits, need: LoadNeed) -> DoctorFinding:
    words = (host.text(host.proc / "sys/fs/file-nr") or "").split()
    if len(words) != 3:
        return DoctorFinding("open files in all", "unknown", format_count(need.clients))
    free = int(words[2]) - int(words[0])
    sockets = need.clients * (2 if need.broker_is_here else 1)
    trouble = (Status.BAD, f"sysctl fs.file-max={int(words[0]) + 2 * sockets}") if free < sockets else None
    return judged("open files in all", f"{format_count(free)} free", format_count(sockets), trouble)


def local_ports(host: HostLimits, need: LoadNeed) -> DoctorFinding:
    ports = ephemeral_ports(host.proc / PORT_RANGE)
    first = (host.text(host.proc / PORT_RANGE) or "").partition("\t")[0]
    low = int(first) if first.isdigit() else 65536 - ports
    targets = {address[1] for _, address in need.endpoints}
    taken = taken_ports(host.proc, range(low, low + ports), targets)
    needed = _per_holder(need.ports, need.sources, "sources")
    trouble = (Status.BAD if targets else Status.WARN, MORE_PORTS) if ports - taken < need.ports else None
    return judged("local ports", f"{format_count(ports - taken)} of {format_count(ports)}", needed, trouble)


def accept_backlog(host: HostLimits, need: LoadNeed) -> DoctorFinding:
    backlog = host.number("sys", "net", "core", "somaxconn")
    needed = f"{CONNECTS_IN_PROGRESS} (mosquitto: 100)"
    if backlog is None:
        return DoctorFinding("accept backlog", "unknown", needed)
    fits = backlog >= CONNECTS_IN_PROGRESS or not need.broker_is_here
    remedy = f"sysctl net.core.somaxconn=4096, or --connects-in-progress {max(1, backlog // 2)}"
    return judged("accept backlog", format_count(backlog), needed, None if fits else (Status.WARN, remedy))


def conntrack(host: HostLimits, need: LoadNeed) -> DoctorFinding:
    most = host.number("sys", "net", "netfilter", "nf_conntrack_max")
    needed = format_count(need.clients)
    if not most:
        return DoctorFinding("connection tracking", "not loaded", needed)
    free = most - (host.number("sys", "net", "netfilter", "nf_conntrack_count") or 0)
    trouble = (Status.BAD, f"sysctl net.netfilter.nf_conntrack_max={most + 2 * need.clients}")
    return judged("connection tracking", f"{format_count(free)} free", needed, trouble if free < need.clients else None)


def clock_source(host: HostLimits, _: LoadNeed) -> DoctorFinding:
    name = host.text(host.sys / "devices/system/clocksource/clocksource0/current_clocksource")
    remedy = "it is read for every message; boot with clocksource=tsc if the TSC of this processor is stable"
    trouble = (Status.WARN, remedy) if name in SLOW_CLOCKS else None
    return judged("clock source", name or "unknown", "not a slow device", trouble)


def governor(host: HostLimits, _: LoadNeed) -> DoctorFinding:
    files = sorted((host.sys / "devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    names = sorted({host.text(file) or "unknown" for file in files})
    trouble = (Status.WARN, "latencies vary with the clock rate: cpupower frequency-set -g performance")
    steady = set(names) <= {STEADY_GOVERNOR}
    return judged("CPU governor", ", ".join(names) or "none", STEADY_GOVERNOR, None if steady else trouble)


def cores(host: HostLimits, need: LoadNeed) -> DoctorFinding:
    load = (host.text(host.proc / "loadavg") or "unknown").split()[0]
    measured = f"{host.cores}, load {load}"
    if need.workers > host.cores:
        return DoctorFinding("cores", measured, f"{need.workers} workers", Status.WARN, f"use --workers {host.cores}")
    busy = load[:1].isdigit() and float(load) > host.cores / 2
    trouble = (Status.WARN, "stop other programs on this machine: they take CPU time from the load") if busy else None
    return judged("cores", measured, f"{need.workers} workers", trouble)


def memory(host: HostLimits, need: LoadNeed) -> DoctorFinding:
    text = host.text(host.proc / "meminfo") or ""
    line = next((line.split() for line in text.splitlines() if line.startswith("MemAvailable:")), None)
    needed = f"about {format_bytes(need.memory_bytes)}"
    if line is None:
        return DoctorFinding("memory", "unknown", needed)
    free = int(line[1]) * 1024
    trouble = (
        (Status.BAD, "use fewer clients, or spread them over several machines") if free < need.memory_bytes else None
    )
    return judged("memory", f"{format_bytes(free)} free", needed, trouble)


def python(host: HostLimits, _: LoadNeed) -> DoctorFinding:
    measured = ".".join(map(str, host.python)) + (", TLS-PSK" if host.has_psk else ", no TLS-PSK")
    needed = ".".join(map(str, LEAST_PYTHON)) + ", TLS-PSK"
    if host.python < LEAST_PYTHON:
        return DoctorFinding("Python", measured, needed, Status.BAD, "uv python install 3.13")
    trouble = (Status.WARN, "use a Python whose OpenSSL has PSK: uv python install 3.13")
    return judged("Python", measured, needed, None if host.has_psk else trouble)


CHECKS: Final[tuple[Callable[[HostLimits, LoadNeed], DoctorFinding], ...]] = (
    open_files,
    open_files_in_all,
    local_ports,
    accept_backlog,
    conntrack,
    clock_source,
    governor,
    cores,
    memory,
    python,
)


def _limit(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else format_count(value)


def _per_holder(count: int, holders: int, name: str) -> str:
    """Return `count × holders name`, or only the count if there is one holder."""
    return f"{format_count(count)} × {holders} {name}" if holders > 1 else format_count(count)
