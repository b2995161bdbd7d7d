"""Observes the broker's process and its descendants: CPU, memory, threads, descriptors.

The process is found by its id, its name, or the port on which it listens. A process that was found by name or port and
ends is searched for again, so that a restart by a supervisor is found and counted (`restarts`).
CPU is in percent of one core, measured against the host's own uptime. The last CPU time of a child that ends is lost.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from malaria.clock import NS_PER_S
from malaria.observe import proc
from malaria.observe.observer import LostError, Readings, clean
from malaria.observe.proc_reader import ProcReader

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
ALL_STATS: Final = "/proc/[0-9]*/stat"
ALL_DESCRIPTORS: Final = "/proc/[0-9]*/fd"
TCP_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")
LONGEST_NAME: Final = 15
"""Characters of a process name that the kernel keeps (TASK_COMM_LEN)."""
PSS_EVERY_NS: Final = 10 * NS_PER_S
"""Reading PSS walks all memory of a process under a lock that the process itself needs, so it is read seldom."""
MOST_THREADS: Final = 64
"""Context switches are read thread by thread; with more threads than this it would cost too much."""
FORWARDERS: Final = frozenset({"docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta"})
"""Programs that listen in place of a broker that runs in a container."""
ZOMBIE: Final = "Z"


@dataclass(frozen=True, slots=True)
class ProcessSelector:
    """The process to observe: exactly one of these is set."""

    pid: int | None = None
    name: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        if self.pid is not None:
            return f"process {self.pid}"
        return (
            f"a process named {self.name}" if self.name is not None else f"a process that listens on port {self.port}"
        )


@dataclass(frozen=True, slots=True)
class _ProcessSample:
    """The counters of one sample, from which the next one computes rates."""

    uptime_s: float
    ticks: Mapping[int, int]
    switches: int | None


class ProcessObserver:
    """The observer of one process and its descendants."""

    name = "process"

    def __init__(self, reader: ProcReader, selector: ProcessSelector) -> None:
        self.about = f"{selector} on {reader.place}"
        self._reader = reader
        self._selector = selector
        self._root: proc.ProcessStat | None = None
        self._last: _ProcessSample | None = None
        self._restarts = 0
        self._pss: tuple[int, int | None] = (-PSS_EVERY_NS, None)

    def start(self) -> None:
        self._reader.open()

    def sample(self, now_ns: int) -> Readings:
        texts = self._reader.texts((proc.UPTIME, ALL_STATS))
        uptime_s = proc.uptime_s(texts.get(proc.UPTIME, ""))
        stats = _stats(texts)
        if uptime_s is None:
            raise LostError(f"{self._reader.place} has no readable /proc")
        root = self._follow(stats)
        members = [stats[pid] for pid in proc.tree(stats, root.pid)]
        return self._measure(uptime_s, root, members, now_ns)

    def stop(self) -> None:
        self._reader.close()

    def find(self) -> int | None:
        """Return the current id of the process; None if there is none."""
        try:
            stats = _stats(self._reader.texts((ALL_STATS,)))
            return self._find(stats) or None
        except LostError:
            return None

    def _follow(self, stats: Mapping[int, proc.ProcessStat]) -> proc.ProcessStat:
        """Return the process as it is now; one with the same id that was started later is another process."""
        before = self._root
        if before is not None:
            now = stats.get(before.pid)
            if now is not None and now.started_ticks == before.started_ticks:
                return now
            self._last = None
            if self._selector.pid is not None:
                raise LostError(f"{self._selector} has ended")
        found = stats.get(self._find(stats))
        if found is None:
            raise LostError(f"there is no {str(self._selector).removeprefix('a ')} on {self._reader.place}")
        self._restarts += before is not None
        self._root = found
        return found

    def _find(self, stats: Mapping[int, proc.ProcessStat]) -> int:
        """Return its id, 0 if there is none; the oldest of several, which is the parent of the others."""
        selector = self._selector
        if selector.pid is not None:
            return selector.pid
        if selector.name is not None:
            called = [stat for stat in stats.values() if stat.name == selector.name[:LONGEST_NAME]]
        else:
            called = [stats[pid] for pid in self._listening() if pid in stats]
        oldest = min(called, key=lambda stat: (stat.started_ticks, stat.pid), default=None)
        if oldest is not None and selector.port is not None and oldest.name in FORWARDERS:
            raise LostError(
                f"port {selector.port} belongs to a container ({oldest.name} listens there): observe docker=NAME"
            )
        return oldest.pid if oldest is not None else 0

    def _listening(self) -> list[int]:
        tables = self._reader.texts(TCP_TABLES)
        inodes = {i for text in tables.values() for i in proc.listening_sockets(text, self._selector.port or 0)}
        if not inodes:
            return []
        pids = proc.holders(self._reader.links((ALL_DESCRIPTORS,)), inodes)
        if not pids:
            raise LostError(f"a process listens on port {self._selector.port}, but only root may see which one")
        return pids

    def _measure(
        self, uptime_s: float, root: proc.ProcessStat, members: list[proc.ProcessStat], now_ns: int
    ) -> Readings:
        switches, descriptors = self._details(members)
        ticks = {stat.pid: stat.cpu_ticks for stat in members}
        last, self._last = self._last, _ProcessSample(uptime_s, ticks, switches)
        found: dict[str, float | int | str | None] = {
            "pid": root.pid,
            "name": clean(root.name),
            "processes": len(members),
            "threads": sum(stat.threads for stat in members),
            "rss_bytes": sum(stat.rss_pages for stat in members) * PAGE_BYTES,
            "pss_bytes": self._pss_bytes(members, now_ns),
            "descriptors": descriptors,
            "restarts": self._restarts,
        }
        if last is not None and uptime_s > last.uptime_s:
            found |= _rates(self._last, last)
        return found

    def _details(self, members: list[proc.ProcessStat]) -> tuple[int | None, int | None]:
        """Return context switches of all threads, and open descriptors; None if this user may not read them."""
        few = sum(stat.threads for stat in members) <= MOST_THREADS
        statuses = self._reader.texts([f"/proc/{stat.pid}/task/*/status" for stat in members]) if few else {}
        numbers = [proc.keyed_numbers(text) for text in statuses.values()]
        switches = sum(n.get("voluntary_ctxt_switches", 0) + n.get("nonvoluntary_ctxt_switches", 0) for n in numbers)
        links = self._reader.links([f"/proc/{stat.pid}/fd" for stat in members])
        descriptors = sum(len(targets) for targets in links.values())
        return switches if numbers else None, descriptors or None

    def _pss_bytes(self, members: list[proc.ProcessStat], now_ns: int) -> int | None:
        read_ns, value = self._pss
        if now_ns - read_ns >= PSS_EVERY_NS:
            texts = self._reader.texts([f"/proc/{stat.pid}/smaps_rollup" for stat in members])
            shares = [proc.keyed_numbers(text).get("Pss") for text in texts.values()]
            known = [share for share in shares if share is not None]
            value = sum(known) * proc.KIB if len(known) == len(members) else None
            self._pss = now_ns, value
        return value


def _stats(texts: Mapping[str, str]) -> dict[int, proc.ProcessStat]:
    """Return the processes that have not ended, by id."""
    parsed = (proc.process_stat(text) for path, text in texts.items() if path != proc.UPTIME)
    return {stat.pid: stat for stat in parsed if stat is not None and stat.state != ZOMBIE}


def _rates(now: _ProcessSample, before: _ProcessSample) -> dict[str, float | int | str | None]:
    """Return the rates of the processes that exist now; a new one counts with all of its CPU time."""
    seconds = now.uptime_s - before.uptime_s
    ticks = sum(max(0, ticks - before.ticks.get(pid, 0)) for pid, ticks in now.ticks.items())
    found: dict[str, float | int | str | None] = {"cpu_percent": round(100 * ticks / proc.TICKS_PER_S / seconds, 2)}
    if now.switches is not None and before.switches is not None:
        found["context_switches_per_s"] = round(max(0, now.switches - before.switches) / seconds, 1)
    return found
