"""Parses the texts of Linux' /proc. Pure: text in, frozen values out; None for a text that cannot be parsed.

Source: proc(5). CPU times are in ticks of 1/100 s (USER_HZ, the same on every Linux in use).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

TICKS_PER_S: Final = 100
KIB: Final = 1024
ZOMBIE: Final = "Z"
"""State of a process that has ended and whose parent has not waited for it."""
LISTEN: Final = "0A"
"""State of a TCP socket in /proc/net/tcp."""

UPTIME: Final = "/proc/uptime"
STAT: Final = "/proc/stat"
MEMORY: Final = "/proc/meminfo"
DEVICES: Final = "/proc/net/dev"
SNMP: Final = "/proc/net/snmp"
NETSTAT: Final = "/proc/net/netstat"
SOCKSTAT: Final = "/proc/net/sockstat"


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """One line of /proc/PID/stat."""

    pid: int
    name: str
    state: str
    parent: int
    cpu_ticks: int  # in user and kernel mode
    threads: int
    started_ticks: int  # after boot
    rss_pages: int
    wait_status: int | None = None  # of a zombie, as waitpid returns it


@dataclass(frozen=True, slots=True)
class CpuTicks:
    """The first line of /proc/stat, and the number of processors."""

    busy: int
    whole: int  # user time includes guest time
    processors: int


def uptime_s(text: str) -> float | None:
    """Return the seconds since boot, to a hundredth: the clock to which CPU ticks belong."""
    try:
        return float(text.split()[0])
    except (ValueError, IndexError):
        return None


def process_stat(text: str) -> ProcessStat | None:
    """Parse one line of /proc/PID/stat. The name may contain blanks and brackets: it ends at the last bracket."""
    head, _, tail = text.rpartition(")")
    pid, _, name = head.partition(" (")
    fields = tail.split()
    try:
        return ProcessStat(
            pid=int(pid),
            name=name,
            state=fields[0],
            parent=int(fields[1]),
            cpu_ticks=int(fields[11]) + int(fields[12]),
            threads=int(fields[17]),
            started_ticks=int(fields[19]),
            rss_pages=int(fields[21]),
            wait_status=int(fields[49]) if len(fields) > 49 and fields[0] == ZOMBIE else None,
        )
    except (ValueError, IndexError):
        return None


def open_files_limit(text: str) -> int | None:
    """Return the soft limit of open files in /proc/PID/limits; None if it is unlimited or unknown."""
    words = next((line.split() for line in text.splitlines() if line.startswith("Max open files")), [])
    return int(words[3]) if len(words) > 3 and words[3].isdigit() else None


def cpu_ticks(text: str) -> CpuTicks | None:
    """Sum up user nice system idle iowait irq softirq steal: iowait counts as idle, stolen time as not busy."""
    lines = text.splitlines()
    try:
        ticks = [int(field) for field in lines[0].split()[1:9]]
    except (ValueError, IndexError):
        return None
    if not text.startswith("cpu ") or len(ticks) < 8:
        return None
    processors = sum(line.startswith("cpu") for line in lines) - 1
    idle, stolen = ticks[3] + ticks[4], ticks[7]
    return CpuTicks(busy=sum(ticks) - idle - stolen, whole=sum(ticks), processors=processors)


def keyed_numbers(text: str) -> dict[str, int]:
    """Parse `Name:  123 kB` lines (meminfo, status, smaps_rollup) into numbers, without their units."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        number = rest.split(maxsplit=1)[:1]
        if number and number[0].isdigit():
            found[name.strip()] = int(number[0])
    return found


def paired_counters(text: str) -> dict[str, int]:
    """Parse pairs of lines `Tcp: Name Name` and `Tcp: 1 2` (snmp, netstat) into `Tcp.Name` -> number."""
    found: dict[str, int] = {}
    lines = text.splitlines()
    for heads, values in zip(lines[::2], lines[1::2], strict=False):
        family, *names = heads.split()
        for name, value in zip(names, values.split()[1:], strict=False):
            if value.lstrip("-").isdigit():
                found[f"{family.rstrip(':')}.{name}"] = int(value)
    return found


def socket_counts(text: str) -> dict[str, int]:
    """Parse `TCP: inuse 71 orphan 0` lines (sockstat) into `TCP.inuse` -> number."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        family, _, rest = line.partition(":")
        words = rest.split()
        for name, value in zip(words[::2], words[1::2], strict=False):
            if value.isdigit():
                found[f"{family}.{name}"] = int(value)
    return found


def device_counters(text: str) -> dict[str, tuple[int, int, int, int]]:
    """Return for each network device: bytes received, packets received, bytes sent, packets sent."""
    found: dict[str, tuple[int, int, int, int]] = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        fields = rest.split()
        if len(fields) >= 10 and all(field.isdigit() for field in fields[:10]):
            found[name.strip()] = (int(fields[0]), int(fields[1]), int(fields[8]), int(fields[9]))
    return found


def listening_sockets(text: str, port: int) -> set[str]:
    """Return the inodes of the sockets in /proc/net/tcp (or tcp6) that listen on a port."""
    inodes: set[str] = set()
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 10 and fields[3] == LISTEN and _port_of(fields[1]) == port:
            inodes.add(fields[9])
    return inodes


def _port_of(address: str) -> int:
    try:
        return int(address.rpartition(":")[2], 16)
    except ValueError:
        return -1


def holders(links: Mapping[str, Sequence[str]], inodes: set[str]) -> list[int]:
    """Return the processes that have one of these sockets open, from `/proc/PID/fd` -> targets of its links."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return sorted(int(path.split("/")[2]) for path, targets in links.items() if wanted.intersection(targets))


def tree(stats: Mapping[int, ProcessStat], root: int) -> list[int]:
    """Return a process and all its descendants, itself first."""
    children: dict[int, list[int]] = {}
    for stat in stats.values():
        children.setdefault(stat.parent, []).append(stat.pid)
    members: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        # the snapshot is not atomic: ids that were given anew may form a loop
        if pid not in members:
            members.append(pid)
            waiting += children.get(pid, ())
    return members
