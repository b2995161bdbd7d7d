"""Readiness of file descriptors: epoll where there is one, `selectors` (kqueue) elsewhere, one shape for both.

epoll waits in whole milliseconds, rounded up, which alone would make every paced message 0.6 ms late. A timerfd in the
same epoll wakes it on time, for one more system call in turns that wait.
"""

from __future__ import annotations

import os
import select
import selectors
import time
from typing import Final, Protocol

from malaria.clock import NS_PER_S, now_ns

READ: Final = 1  # the values of EPOLLIN and EPOLLOUT
WRITE: Final = 4


class Poller(Protocol):
    """What the engine asks of the kernel. Anything in a mask besides READ and WRITE is an error or a hang-up."""

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
        """Ready descriptors; the timer is among them when the time is up. 0: do not wait."""
        if not until_ns:
            return self._epoll.poll(0, maxevents)
        if until_ns != self._armed_ns:  # setting it anew also takes back an expiry
            os.timerfd_settime_ns(self.timer, flags=os.TFD_TIMER_ABSTIME, initial=until_ns)
            self._armed_ns = until_ns
        return self._epoll.poll(-1, maxevents)

    def close(self) -> None:
        self._epoll.close()
        os.close(self.timer)


class SelectorsPoller:
    """`selectors` in the shape of epoll, for systems without it."""

    timer = -1

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def register(self, fd: int, eventmask: int) -> None:
        self._selector.register(fd, _selector_mask(eventmask))

    def modify(self, fd: int, eventmask: int) -> None:
        self._selector.modify(fd, _selector_mask(eventmask))

    def unregister(self, fd: int) -> None:
        self._selector.unregister(fd)

    def wait(self, until_ns: int, maxevents: int) -> list[tuple[int, int]]:
        timeout_s = max(0, until_ns - now_ns()) / NS_PER_S if until_ns else 0
        ready = self._selector.select(timeout_s)[:maxevents]
        return [(key.fd, (READ if mask & selectors.EVENT_READ else 0) | (WRITE if mask & selectors.EVENT_WRITE else 0))
                for key, mask in ready]  # fmt: skip

    def close(self) -> None:
        self._selector.close()


def make_poller() -> Poller:
    """The best poller of this system."""
    return EpollPoller() if hasattr(os, "timerfd_create") else SelectorsPoller()


def _selector_mask(eventmask: int) -> int:
    return (selectors.EVENT_READ if eventmask & READ else 0) | (selectors.EVENT_WRITE if eventmask & WRITE else 0)
