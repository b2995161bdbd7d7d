"""Find the processes of this host that conduct a swarm, so that `malaria swarm abort` stops them first.

A conductor reaches its bees over open connections: the load ends while ssh still shakes hands. And a campaign must not
go on to its next attack. Promises: only a process that conducts this swarm at this moment is signalled; each holds a
lock on a file of its own, which ends with it however it ends.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from malaria.swarm.hosts.state import open_locked, state_file

PAUSE_S: Final = 0.05


@contextmanager
def conducting_swarm(name: str) -> Iterator[None]:
    """Mark this process as a conductor of that swarm during the block; it must take SIGTERM as Ctrl-C."""
    remove_stale_locks(name)
    file = state_file(name).with_suffix(f".conductor-{os.getpid()}")
    descriptor = open_locked(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def stop_conductors(name: str) -> int:
    """Signal all conductors of the swarm to end their load and report; return how many there are."""
    signalled = 0
    for pid in _conductors(name):
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)
            signalled += 1
    return signalled


def wait_for_conductors(name: str, patience_s: float) -> bool:
    """Wait until no process conducts the swarm; return False if one still does when the time is over."""
    end_s = time.monotonic() + patience_s
    while list(_conductors(name)):
        if time.monotonic() >= end_s:
            return False
        time.sleep(PAUSE_S)
    return True


def remove_stale_locks(name: str) -> None:
    """Remove the files of conductors of the swarm that were killed."""
    for _ in _conductors(name):
        pass


def _conductors(name: str) -> Iterator[int]:
    """Yield the processes that conduct the swarm; remove the files of those that were killed."""
    own = state_file(name)
    for file in own.parent.glob(f"{own.stem}.conductor-*"):
        with suppress(OSError, ValueError), file.open() as lock:
            try:
                # a shared lock: another abort at the same time is not a conductor
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield int(file.name.rpartition("-")[2])
            else:
                file.unlink(missing_ok=True)  # its conductor was killed
