"""Parses the cgroup files of Linux, v1 and v2: the CPU and memory that a process may use, and its throttling. Pure.

Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1, Documentation/scheduler/sched-bwc.rst. Any
ancestor may have a limit, so all of them are read. Inside a container the paths of /proc/PID/cgroup may not exist; its
root directory then has the values of the container.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

ROOT: Final = "/sys/fs/cgroup"
V2_ROOTS: Final = (ROOT, f"{ROOT}/unified")
V2_FILES: Final = ("cpu.max", "cpu.stat", "memory.max")
V1_FILES: Final = {
    "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.stat"),
    "memory": ("memory.limit_in_bytes",),
}
NO_LIMIT_BYTES: Final = 1 << 60
"""cgroup v1 writes a number near 2**63 where there is no limit."""
MOST_DIRECTORIES: Final = 40


@dataclass(frozen=True, slots=True)
class CgroupLimits:
    """The limits of a process; None is no limit, or unknown."""

    cores: float | None = None
    memory_bytes: int | None = None
    throttled_ns: int | None = None  # total time in which its threads had to wait for their quota


def cgroup_files(text: str) -> list[str]:
    """Return the files to read for the process whose /proc/PID/cgroup is `text`."""
    return [f"{directory}/{file}" for directory, files in _directories(text) for file in files][: 3 * MOST_DIRECTORIES]


def cgroup_limits(texts: Mapping[str, str]) -> CgroupLimits:
    """Return the tightest limits in these files, by path, and the longest throttled time."""
    cores: list[float] = []
    memory: list[int] = []
    throttled: list[int] = []
    for path, text in texts.items():
        directory, _, file = path.rpartition("/")
        if file == "cpu.max":
            # `max 100000` is no limit, and its quota no number
            cores += _ratio(*[*text.split(), "", ""][:2])
        elif file == "cpu.cfs_quota_us":
            cores += _ratio(text.strip(), texts.get(f"{directory}/cpu.cfs_period_us", "").strip())
        elif file in ("memory.max", "memory.limit_in_bytes") and text.strip().isdigit():
            memory += [int(text)] if int(text) < NO_LIMIT_BYTES else []
        elif file == "cpu.stat":
            throttled += _throttled_ns(text)
    return CgroupLimits(min(cores, default=None), min(memory, default=None), max(throttled, default=None))


def cpu_count(text: str) -> int | None:
    """Count the processors of a list such as `0-3,8` (Cpus_allowed_list in /proc/PID/status)."""
    count = 0
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            return None
        count += int(last or first) - int(first) + 1
    return count


def _directories(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every directory that may hold limits of the process, with the names of their files."""
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        # `/../..` is outside of the container's view; blanks would split the pattern of the reader
        if not path.startswith("/") or ".." in path or len(path.split()) != 1:
            continue
        if not controllers:
            yield from ((f"{root}{level}", V2_FILES) for root in V2_ROOTS for level in _levels(path))
        for name, files in V1_FILES.items():
            if name in controllers.split(","):
                yield from ((f"{ROOT}/{name}{level}", files) for level in _levels(path))


def _levels(path: str) -> Iterable[str]:
    """Return a path and its ancestors, the root as an empty text."""
    return [str(level).rstrip("/") for level in (PurePosixPath(path), *PurePosixPath(path).parents)]


def _ratio(quota: str, period: str) -> list[float]:
    return [int(quota) / int(period)] if quota.isdigit() and period.isdigit() and int(period) else []


def _throttled_ns(text: str) -> list[int]:
    """Read `throttled_usec` of cgroup v2 or `throttled_time` (ns) of v1."""
    values = dict(line.split()[:2] for line in text.splitlines() if len(line.split()) >= 2)
    micros, nanos = values.get("throttled_usec", ""), values.get("throttled_time", "")
    return [int(micros) * 1000] if micros.isdigit() else [int(nanos)] if nanos.isdigit() else []
