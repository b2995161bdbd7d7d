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
from malaria.observe.exit_watch import ExitWatch
from malaria.observe.observer import LostError, Readings, clean
from malaria.observe.proc_reader import ProcReader
from malaria.observe.process_details import ProcessDetails, read_details
from malaria.observe.process_exit import describe_exit
from malaria.records.rows import EXIT_CODE

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
ALL_STATS: Final = "/proc/[0-9]*/stat"
ALL_DESCRIPTORS: Final = "/proc/[0-9]*/fd"
TCP_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")
LONGEST_NAME: Final = 15
"""Characters of a process name that the kernel keeps (TASK_COMM_LEN)."""
PSS_EVERY_NS: Final = 10 * NS_PER_S
"""Reading PSS walks all memory of a process under a lock that the process itself needs, so it is read seldom."""

FORWARDERS: Final = frozenset({"docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta"})
"""Programs that listen in place of a broker that runs in a container."""


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
    details: ProcessDetails


class ProcessObserver:
    """The observer of one process and its descendants."""

    name = "process"

    def __init__(self, reader: ProcReader, selector: ProcessSelector) -> None:
        self.about = f"{selector} on {reader.place}"
        self._reader = reader
        self._selector = selector
        self._root: proc.ProcessStat | None = None
        self._last: _ProcessSample | None = None
        self._ended = 0  # how often it has ended
        self._end = ""  # how it ended, until it is found again
        self._exit_watch: ExitWatch | None = None  # of the root
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
        living = _living(stats)
        return self._measure(uptime_s, [living[pid] for pid in proc.tree(living, root.pid)], now_ns)

    def stop(self) -> None:
        self._let_go()
        self._reader.close()

    @property
    def root_pid(self) -> int | None:
        """Return the id of the process as the last sample found it; None if there was none."""
        root = self._root
        return None if root is None else root.pid

    def find(self) -> int | None:
        """Return the current id of the process; None if there is none."""
        try:
            return self._find(_living(_stats(self._reader.texts((ALL_STATS,))))) or None
        except LostError:
            return None

    def _follow(self, stats: Mapping[int, proc.ProcessStat]) -> proc.ProcessStat:
        """Return the process as it is now. Raises LostError, with its end, in the first sample after it has ended.

        A process with the same id that was started later is another process.
        """
        before = self._root
        if before is not None:
            now = stats.get(before.pid)
            # the kernel gives ids of ended processes to others
            same = now is not None and now.started_ticks == before.started_ticks
            if now is not None and same and now.state != proc.ZOMBIE:
                return now
            self._last = self._root = None
            self._ended += 1
            code = self._exit_code(now if same else None)
            how = "" if code is None else f" with {describe_exit(code)}"
            self._end = f"process {before.pid} ({clean(before.name)}) has ended{how}"
            raise LostError(self._end, {EXIT_CODE: code})
        living = _living(stats)
        found = living.get(self._find(living))
        # a process that was named by its id has no successor
        if found is None or (self._ended and self._selector.pid is not None):
            missing = f"there is no {str(self._selector).removeprefix('a ')} on {self._reader.place}"
            raise LostError(self._end or missing)
        self._end = ""
        self._root = found
        self._exit_watch = self._reader.exit_watch(found.pid)
        return found

    def _exit_code(self, zombie: proc.ProcessStat | None) -> int | None:
        """Return how the process ended, as `subprocess` has it: -9 is signal 9. None if nobody can tell."""
        status = None if zombie is None else zombie.wait_status
        if status is None and self._exit_watch is not None:
            status = self._exit_watch.wait_status()
        self._let_go()
        return None if status is None else os.waitstatus_to_exitcode(status)

    def _let_go(self) -> None:
        if self._exit_watch is not None:
            self._exit_watch.close()
            self._exit_watch = None

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
        # its CPU time would be taken for the broker's
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

    def _measure(self, uptime_s: float, members: list[proc.ProcessStat], now_ns: int) -> Readings:
        details = read_details(self._reader, members)
        ticks = {stat.pid: stat.cpu_ticks for stat in members}
        last, self._last = self._last, _ProcessSample(uptime_s, ticks, details)
        found: dict[str, float | int | str | None] = {
            "pid": members[0].pid,
            "name": clean(members[0].name),
            "processes": len(members),
            "threads": sum(stat.threads for stat in members),
            "rss_bytes": sum(stat.rss_pages for stat in members) * PAGE_BYTES,
            "pss_bytes": self._pss_bytes(members, now_ns),
            "descriptors": details.descriptors,
            "descriptors_limit": details.descriptors_limit,
            "memory_limit_bytes": details.cgroup.memory_bytes,
            "cpu_limit_percent": None if details.cores is None else round(100 * details.cores, 2),
            "restarts": self._ended,
        }
        if last is not None and uptime_s > last.uptime_s:
            found |= _rates(self._last, last)
        return found

    def _pss_bytes(self, members: list[proc.ProcessStat], now_ns: int) -> int | None:
        read_ns, value = self._pss
        if now_ns - read_ns >= PSS_EVERY_NS:
            texts = self._reader.texts([f"/proc/{stat.pid}/smaps_rollup" for stat in members])
            shares = [proc.keyed_numbers(text).get("Pss") for text in texts.values()]
            known = [share for share in shares if share is not None]
            # a sum that lacks a process would look like freed memory
            value = sum(known) * proc.KIB if len(known) == len(members) else None
            self._pss = now_ns, value
        return value


def _stats(texts: Mapping[str, str]) -> dict[int, proc.ProcessStat]:
    """Return every process by its id, zombies included."""
    parsed = (proc.process_stat(text) for path, text in texts.items() if path != proc.UPTIME)
    return {stat.pid: stat for stat in parsed if stat is not None}


def _living(stats: Mapping[int, proc.ProcessStat]) -> dict[int, proc.ProcessStat]:
    return {pid: stat for pid, stat in stats.items() if stat.state != proc.ZOMBIE}


def _rates(now: _ProcessSample, before: _ProcessSample) -> dict[str, float | int | str | None]:
    """Return the rates of the processes that exist now; a new one counts with all of its CPU time."""
    seconds = now.uptime_s - before.uptime_s
    cpu_percent = _cpu_percent(sum(_growth(now.ticks, before.ticks)), seconds)
    cores = now.details.cores
    found: dict[str, float | int | str | None] = {
        "cpu_percent": cpu_percent,
        "cpu_share_percent": round(cpu_percent / cores, 2) if cores else None,
        "busiest_thread_percent": None,
        "throttled_percent": None,
    }
    threads, threads_before = now.details.thread_ticks, before.details.thread_ticks
    if threads and threads_before:
        found["busiest_thread_percent"] = _cpu_percent(max(_growth(threads, threads_before)), seconds)
    throttled, throttled_before = now.details.cgroup.throttled_ns, before.details.cgroup.throttled_ns
    if throttled is not None and throttled_before is not None:
        found["throttled_percent"] = round(100 * max(0, throttled - throttled_before) / NS_PER_S / seconds, 2)
    switches, switches_before = now.details.switches, before.details.switches
    if switches is not None and switches_before is not None:
        found["context_switches_per_s"] = round(max(0, switches - switches_before) / seconds, 1)
    return found


def _growth(now: Mapping[int, int], before: Mapping[int, int]) -> list[int]:
    return [max(0, ticks - before.get(key, 0)) for key, ticks in now.items()]


def _cpu_percent(ticks: int, seconds: float) -> float:
    return round(100 * ticks / proc.TICKS_PER_S / seconds, 2)
