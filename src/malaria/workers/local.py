"""The worker processes of this host: start them with their shares, send them orders, collect reports, notice deaths.

Every order goes to all workers. A report comes with the name of the worker that made it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Final

from malaria.control.messages import Finished, Order, Report, Task, WorkerLost
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.records.run_meta import RunMeta
from malaria.schedule.share import Share
from malaria.transport.route import Route

ONE_THREAD_EACH: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""NumPy's linear algebra would keep a spinning thread per core in every worker. Nothing here needs it."""
STOP_S: Final = 5.0
"""How long all workers together may take to end before their processes are killed."""
UNFINISHED_STOP_S: Final = 0.5
"""The same for workers that have not sent their last report: most likely they cannot."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load of an attack, the same for every worker."""

    warhead: Warhead = field(repr=False)
    identity: Identity
    routes: Mapping[str, Route]  # by group
    epoch_ns: int


@dataclass(slots=True)
class _WorkerProcess:
    """One worker process and our end of its pipe."""

    name: str
    share: Share
    process: subprocess.Popen[bytes]
    channel: Connection[object, Report]
    finished: bool = False


class LocalWorkers:
    """The workers of this host."""

    def __init__(self, load: Load, share: Share, workers: int, name: str = "") -> None:
        shares = share.split(workers)
        self._processes = [_start(f"{name}{number}", part, load) for number, part in enumerate(shares, 1)]

    @property
    def workers(self) -> tuple[str, ...]:
        return tuple(worker.name for worker in self._processes)

    @property
    def pids(self) -> dict[str, int]:
        return {worker.name: worker.process.pid for worker in self._processes}

    @property
    def working(self) -> bool:
        """Tell whether any worker has not finished."""
        return bool(self._working())

    def share_of(self, worker: str) -> Share:
        return next(process.share for process in self._processes if process.name == worker)

    def order(self, order: Order) -> None:
        """Send an order to every worker that has not finished."""
        for worker in self._working():
            with suppress(OSError):  # its end of the pipe is closed: the next poll reports it as lost
                worker.channel.send(order)

    def poll(self, timeout_s: float) -> list[tuple[str, Report]]:
        """Return the reports since the last call; wait up to `timeout_s` for the first one."""
        by_channel = {id(worker.channel): worker for worker in self._working()}
        if not by_channel:
            return []
        reports: list[tuple[str, Report]] = []
        for channel in wait([worker.channel for worker in self._working()], timeout_s):
            self._receive(by_channel[id(channel)], reports)
        return reports

    def forget(self) -> None:
        """Do nothing: workers of this host keep no reports."""

    def facts(self) -> RunMeta:
        """Return nothing: the run describes this host anyway."""
        return RunMeta()

    def late(self) -> list[tuple[str, Report]]:
        """Return nothing: no report is lost in a pipe."""
        return []

    def close(self) -> None:
        """End every worker. Closing the pipe stops its load; a worker that does not end in time is killed."""
        for worker in self._processes:
            worker.channel.close()
        begin_s = time.monotonic()
        for worker in self._processes:
            limit_s = STOP_S if worker.finished else UNFINISHED_STOP_S
            try:
                worker.process.wait(max(begin_s + limit_s - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                worker.process.kill()
        for worker in self._processes:
            worker.process.wait()

    def __enter__(self) -> LocalWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _working(self) -> Sequence[_WorkerProcess]:
        return [worker for worker in self._processes if not worker.finished]

    @staticmethod
    def _receive(worker: _WorkerProcess, reports: list[tuple[str, Report]]) -> None:
        try:
            while worker.channel.poll():
                report = worker.channel.recv()
                reports.append((worker.name, report))
                if isinstance(report, Finished | WorkerLost):
                    worker.finished = True
                    return
        except (EOFError, OSError):
            worker.finished = True
            reports.append((worker.name, WorkerLost(_reason_of_end(worker.process))))


def _start(name: str, share: Share, load: Load) -> _WorkerProcess:
    ours, theirs = Pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "malaria.engine.worker", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        process_group=0,  # Ctrl-C goes to the conductor; the end of the pipe ends the worker, however we end
        env=os.environ | ONE_THREAD_EACH,
        stdin=subprocess.DEVNULL,
    )
    theirs.close()
    ours.send(Task(name, load.warhead, share, load.identity, load.routes, load.epoch_ns))
    return _WorkerProcess(name, share, process, ours)


def _reason_of_end(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        return "stopped answering"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended by itself with exit code {code}"
