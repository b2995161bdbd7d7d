"""Readiness of file descriptors by epoll: load is made on Linux only, and `check_system` says so before it begins.

epoll waits in whole milliseconds, rounded up, which alone would make every paced message 0.6 ms late. A timerfd in the
same epoll wakes it on time, for one more system call in turns that wait.
"""

from __future__ import annotations

import os
import platform
import select
import time
from typing import Final, Protocol

from malaria.errors import HostLimitError

READ: Final = 1  # the values of EPOLLIN and EPOLLOUT
WRITE: Final = 4


class Poller(Protocol):
    """The kernel as the engine needs it. Anything in a mask besides READ and WRITE is an error or a hang-up."""

    def register(self, fd: int, eventmask: int) -> None: ...
    def modify(self, fd: int, eventmask: int) -> None: ...
    def unregister(self, fd: int) -> None: ...
    def wait(self, until_ns: int, maxevents: int) -> list[tuple[int, int]]: ...
    def close(self) -> None: ...

    timer: int  # a descriptor that turns up among the ready ones when the time is up


class EpollPoller:
    """epoll with a timerfd for waits finer than a millisecond."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._armed_ns = 0
        self.timer = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        self._epoll.register(self.timer, READ)
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister

    def wait(self, until_ns: int, maxevents: int) -> list[tuple[int, int]]:
        """Return ready descriptors; the timer is among them when the time is up. Does not wait for `until_ns` 0."""
        if not until_ns:
            return self._epoll.poll(0, maxevents)
        if until_ns != self._armed_ns:  # setting it anew also takes back an expiry
            os.timerfd_settime_ns(self.timer, flags=os.TFD_TIMER_ABSTIME, initial=until_ns)
            self._armed_ns = until_ns
        return self._epoll.poll(-1, maxevents)

    def close(self) -> None:
        """Close epoll and its timer."""
        self._epoll.close()
        os.close(self.timer)


def check_system() -> None:
    """Raise HostLimitError on a system that cannot make load: one without epoll and timerfd."""
    if not (hasattr(select, "epoll") and hasattr(os, "timerfd_create")):
        raise HostLimitError(
            f"load is made on Linux only, and this is {platform.system() or 'an unknown system'}",
            "run malaria on a Linux machine, in a container or virtual machine, or let Linux hosts attack: --swarm",
        )
