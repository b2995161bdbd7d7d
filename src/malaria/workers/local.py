"""One host that makes load: starts workers, gives them their shares, passes orders on, notices when one dies.

Orders go to all workers alike; reports come back with the name of the worker that made them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait

from malaria.control.messages import Finished, Order, Report, Task, WorkerLost
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.records.run_meta import RunMeta
from malaria.schedule.share import Share
from malaria.transport.route import Route

QUIET_LIBRARIES = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""NumPy's linear algebra would keep a spinning thread per core in every worker; nothing here multiplies matrices."""
PATIENCE_S = 5.0
"""How long an ordered end may take before the process is killed."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the swarm is to carry, the same for every worker."""

    warhead: Warhead = field(repr=False)
    identity: Identity
    routes: Mapping[str, Route]  # by group
    epoch_ns: int


@dataclass(slots=True)
class _WorkerProcess:
    """One worker process, seen from the bee."""

    name: str
    share: Share
    process: subprocess.Popen[bytes]
    channel: Connection[object, Report]
    finished: bool = False


class LocalWorkers:
    """The workers of this host."""

    def __init__(self, load: Load, share: Share, workers: int, name: str = "") -> None:
        shares = share.split(workers)
        self._hands = [self._hire(f"{name}{number}", part, load) for number, part in enumerate(shares, 1)]

    @property
    def workers(self) -> tuple[str, ...]:
        return tuple(hand.name for hand in self._hands)

    @property
    def pids(self) -> dict[str, int]:
        return {hand.name: hand.process.pid for hand in self._hands}

    @property
    def working(self) -> bool:
        """Whether any of them has not said its last word."""
        return bool(self._working())

    def share_of(self, worker: str) -> Share:
        return next(hand.share for hand in self._hands if hand.name == worker)

    def order(self, order: Order) -> None:
        """Tells every worker that is still there."""
        for hand in self._working():
            with suppress(OSError):  # its end of the pipe is closed: the next poll reports it as lost
                hand.channel.send(order)

    def poll(self, timeout_s: float) -> list[tuple[str, Report]]:
        """What the workers have said, waiting up to `timeout_s` for the first word."""
        by_channel = {id(hand.channel): hand for hand in self._working()}
        if not by_channel:
            return []
        said: list[tuple[str, Report]] = []
        for channel in wait([hand.channel for hand in self._working()], timeout_s):
            self._listen(by_channel[id(channel)], said)
        return said

    def forget(self) -> None:
        """All that was told is stored. Workers of this host keep nothing."""

    def facts(self) -> RunMeta:
        """What the record is to know of the hosts of this load: nothing more than of this one."""
        return RunMeta()

    def late(self) -> list[tuple[str, Report]]:
        """What workers told that was not heard while the load ran: nothing is lost between a worker and its bee."""
        return []

    def close(self) -> None:
        """Ends every worker: closing the pipe stops its load; one that does not go is killed."""
        for hand in self._hands:
            hand.channel.close()
        for hand in self._hands:
            try:
                hand.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                hand.process.kill()
                hand.process.wait()

    def __enter__(self) -> LocalWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _working(self) -> Sequence[_WorkerProcess]:
        return [hand for hand in self._hands if not hand.finished]

    def _listen(self, hand: _WorkerProcess, said: list[tuple[str, Report]]) -> None:
        try:
            while hand.channel.poll():
                report = hand.channel.recv()
                said.append((hand.name, report))
                if isinstance(report, Finished):
                    hand.finished = True
                    return
        except (EOFError, OSError):
            hand.finished = True
            said.append((hand.name, WorkerLost(_obituary(hand.process))))

    @staticmethod
    def _hire(name: str, share: Share, load: Load) -> _WorkerProcess:
        ours, theirs = Pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "malaria.engine.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            process_group=0,  # Ctrl-C is the conductor's; the end of the pipe ends the worker, however we end
            env=os.environ | QUIET_LIBRARIES,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        ours.send(Task(name, load.warhead, share, load.identity, load.routes, load.epoch_ns))
        return _WorkerProcess(name, share, process, ours)


def _obituary(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        return "stopped answering"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended by itself with exit code {code}"
