"""Readiness of file descriptors: epoll where there is one, `selectors` (kqueue) elsewhere, one shape for both."""

from __future__ import annotations

import select
import selectors
from typing import Final, Protocol

READ: Final = 1  # the values of EPOLLIN and EPOLLOUT
WRITE: Final = 4


class Poller(Protocol):
    """What the engine asks of epoll. Anything in a mask besides READ and WRITE is an error or a hang-up."""

    def register(self, fd: int, eventmask: int) -> None: ...
    def modify(self, fd: int, eventmask: int) -> None: ...
    def unregister(self, fd: int) -> None: ...
    def poll(self, timeout: float, maxevents: int) -> list[tuple[int, int]]: ...
    def close(self) -> None: ...


class SelectorsPoller:
    """`selectors` in the shape of epoll, for systems without it."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def register(self, fd: int, eventmask: int) -> None:
        self._selector.register(fd, _selector_mask(eventmask))

    def modify(self, fd: int, eventmask: int) -> None:
        self._selector.modify(fd, _selector_mask(eventmask))

    def unregister(self, fd: int) -> None:
        self._selector.unregister(fd)

    def poll(self, timeout: float, maxevents: int) -> list[tuple[int, int]]:
        ready = self._selector.select(timeout)[:maxevents]
        return [(key.fd, (READ if mask & selectors.EVENT_READ else 0) | (WRITE if mask & selectors.EVENT_WRITE else 0))
                for key, mask in ready]  # fmt: skip

    def close(self) -> None:
        self._selector.close()


def make_poller() -> Poller:
    """The best poller of this system."""
    return select.epoll() if hasattr(select, "epoll") else SelectorsPoller()


def _selector_mask(eventmask: int) -> int:
    return (selectors.EVENT_READ if eventmask & READ else 0) | (selectors.EVENT_WRITE if eventmask & WRITE else 0)
