"""Which processes of this host conduct a swarm, so that `malaria swarm abort` tells them before it goes to the bees.

A conductor reaches its bees over connections that are open: the load ends while ssh still shakes hands. And one that
has more attacks to make, a campaign, must not go on to the next. Promises: only a process that conducts this swarm at
this very moment is told; each holds a lock on a file of its own, which ends with it however it ends.
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
    """This process conducts the swarm of that name during the block, and takes SIGTERM as Ctrl-C."""
    file = state_file(name).with_suffix(f".conductor-{os.getpid()}")
    file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def tell_conductors(name: str) -> int:
    """Asks all that conduct the swarm to end their load and report; how many there are."""
    told = 0
    own = state_file(name)
    for file in own.parent.glob(f"{own.stem}.conductor-*"):
        with suppress(OSError, ValueError), file.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # who asks at the same time is no conductor
            except BlockingIOError:
                os.kill(int(file.name.rpartition("-")[2]), signal.SIGTERM)
                told += 1
            else:
                file.unlink(missing_ok=True)  # of one that was killed
    return told
