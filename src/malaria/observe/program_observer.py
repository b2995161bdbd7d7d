"""Observes which programs use the processors of the machine that makes the load, apart from malaria and the broker.

A load that leaves late because of a browser says nothing about the broker, so the verdict names the browser. Only the
names that the kernel keeps are read (15 characters), never the arguments of a program.
"""

from __future__ import annotations

import json
import os
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from malaria.clock import NS_PER_S, Clock, now_ns
from malaria.observe import proc
from malaria.observe.observer import LostError, Readings, clean
from malaria.observe.proc_reader import ProcReader

INTERVAL_NS: Final = 2 * NS_PER_S
MOST_COST: Final = 50
"""A reading is followed by a pause of so many times its length: it costs at most two percent of a core."""
MOST_NAMED: Final = 5
ALL_STATS: Final = "/proc/[0-9]*/stat"

type ProcessKey = tuple[int, int]
"""Process id and start time: the kernel gives ids of ended processes to others."""


@dataclass(frozen=True, slots=True)
class _MachineSnapshot:
    """The processors and the processes at one moment."""

    cpu: proc.CpuTicks
    stats: Mapping[int, proc.ProcessStat]

    def ticks(self) -> dict[ProcessKey, int]:
        return {(one.pid, one.started_ticks): one.cpu_ticks for one in self.stats.values()}


class ProgramObserver:
    """The observer of the programs on this machine. `broker` returns the id of the broker's process; None: not here."""

    name = "programs"

    def __init__(
        self, reader: ProcReader, broker: Callable[[], int | None], own: int | None = None, clock: Clock = now_ns
    ) -> None:
        self.about = f"programs on {reader.place}"
        self._reader = reader
        self._broker = broker
        self._own = os.getpid() if own is None else own
        self._clock = clock
        self._last: _MachineSnapshot | None = None
        self._rest_until_ns = 0

    def start(self) -> None:
        self._reader.open()

    def sample(self, now_ns: int) -> Readings:
        if now_ns < self._rest_until_ns:
            return {}
        begin_ns = self._clock()
        reading = self._read()
        last, self._last = self._last, reading
        self._rest_until_ns = now_ns + MOST_COST * (self._clock() - begin_ns)
        whole = 0 if last is None else reading.cpu.whole - last.cpu.whole
        return {} if last is None or whole <= 0 else self._shares(reading, last, whole)

    def stop(self) -> None:
        self._reader.close()

    def _read(self) -> _MachineSnapshot:
        texts = self._reader.texts((proc.STAT, ALL_STATS))
        cpu = proc.cpu_ticks(texts.get(proc.STAT, ""))
        if cpu is None:
            raise LostError(f"{self._reader.place} has no readable /proc")
        parsed = (proc.process_stat(text) for path, text in texts.items() if path != proc.STAT)
        return _MachineSnapshot(cpu, {one.pid: one for one in parsed if one is not None})

    def _shares(self, now: _MachineSnapshot, before: _MachineSnapshot, whole: int) -> Readings:
        """Return the shares of all processors since the reading before, in percent."""
        earlier = before.ticks()
        grown = {key[0]: max(0, ticks - earlier.get(key, 0)) for key, ticks in now.ticks().items()}
        broker = self._sum(now, grown, self._broker())
        # a broker that malaria started is its child
        own = {pid: ticks for pid, ticks in self._sum(now, grown, self._own).items() if pid not in broker}
        apart = set(own) | set(broker)
        by_name: Tally[str] = Tally()
        for pid, ticks in grown.items():
            if pid not in apart and ticks:
                by_name[clean(now.stats[pid].name)] += ticks
        # what ended meanwhile is in the total, and has no name any more
        other = max(0, now.cpu.busy - before.cpu.busy - sum(own.values()) - sum(broker.values()))
        named = {name: _percent(ticks, whole) for name, ticks in by_name.most_common(MOST_NAMED)}
        return {
            "busy_percent": _percent(now.cpu.busy - before.cpu.busy, whole),
            "other_percent": _percent(other, whole),
            "broker_percent": _percent(sum(broker.values()), whole) if broker else None,
            "largest": json.dumps(named, ensure_ascii=False),
        }

    @staticmethod
    def _sum(now: _MachineSnapshot, grown: Mapping[int, int], root: int | None) -> dict[int, int]:
        """Return the ticks of a process and its descendants by their ids; empty if it is not there."""
        if root is None or root not in now.stats:
            return {}
        return {pid: grown[pid] for pid in proc.tree(now.stats, root)}


def _percent(ticks: int, whole: int) -> float:
    return round(100 * ticks / whole, 1)
