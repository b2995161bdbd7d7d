"""Find the processes of this host that conduct a swarm, so that `malaria swarm abort` stops them first.

A conductor reaches its bees over open connections: the load ends while ssh still shakes hands. And a campaign must not
go on to its next attack. Promises: only a process that conducts this swarm at this moment is signalled; each holds a
lock on a file of its own, which ends with it however it ends.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from malaria.swarm.hosts.state import PRIVATE_DIRECTORY, PRIVATE_FILE, state_file


@contextmanager
def conducting_swarm(name: str) -> Iterator[None]:
    """Mark this process as a conductor of that swarm during the block; it must take SIGTERM as Ctrl-C."""
    file = state_file(name).with_suffix(f".conductor-{os.getpid()}")
    file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def stop_conductors(name: str) -> int:
    """Signal all conductors of the swarm to end their load and report; return how many there are."""
    signalled = 0
    own = state_file(name)
    for file in own.parent.glob(f"{own.stem}.conductor-*"):
        with suppress(OSError, ValueError), file.open() as lock:
            try:
                # a shared lock: another abort at the same time is not a conductor
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                os.kill(int(file.name.rpartition("-")[2]), signal.SIGTERM)
                signalled += 1
            else:
                file.unlink(missing_ok=True)  # its conductor was killed
    return signalled
