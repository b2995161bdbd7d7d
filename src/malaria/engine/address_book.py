"""Hold the present addresses of the target's names, and look them up again without stopping the loop.

A lookup may take seconds, so it runs in a thread: one at a time for a name, and at most one in LOOK_UP_EVERY_NS. Nobody
waits for it: an attempt to connect uses the addresses that are known when it begins.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from malaria.clock import NS_PER_S, Clock
from malaria.errors import TargetError
from malaria.model.target import Address
from malaria.transport.resolver import LookUp, resolve
from malaria.transport.route import TargetHost, address_text

LOOK_UP_EVERY_NS: Final = NS_PER_S
"""The shortest wait before a client connects again, by default: each attempt finds a fresh answer."""

type RunAside = Callable[[Callable[[], None]], None]
"""Runs a function without waiting for its end."""


def run_in_thread(work: Callable[[], None]) -> None:
    """Run a function in a thread that does not keep the process alive."""
    threading.Thread(target=work, daemon=True).start()


class AddressBook:
    """The hosts of one worker's routes. `trouble` takes the sentences for the record of the run."""

    def __init__(self, look_up: LookUp, run_aside: RunAside, clock: Clock, trouble: Callable[[str], None]) -> None:
        self._look_up = look_up
        self._run_aside = run_aside
        self._clock = clock
        self._trouble = trouble
        self._changed: dict[Address, TargetHost] = {}
        self._next_ns: dict[Address, int] = {}
        self._asking: set[Address] = set()
        self._answers: deque[tuple[TargetHost, TargetHost | TargetError]] = deque()  # written by the threads

    def current(self, host: TargetHost) -> TargetHost:
        """Return a host of a route with the addresses that are known by now."""
        while self._answers:
            self._take_over(*self._answers.popleft())
        return self._changed.get(host.address, host)

    def renew(self, host: TargetHost) -> None:
        """Look the addresses of a name up again, unless that is done already or was done just now."""
        if not host.is_name:
            return
        address, now_ns = host.address, self._clock()
        current = self.current(host)
        if address not in self._asking and now_ns >= self._next_ns.get(address, 0):
            self._asking.add(address)
            self._next_ns[address] = now_ns + LOOK_UP_EVERY_NS
            self._run_aside(partial(self._ask, current))

    def _ask(self, host: TargetHost) -> None:
        """Run in a thread: touch nothing but the queue of answers."""
        try:
            self._answers.append((host, resolve(host.address, host.spread, host.family, self._look_up)))
        except TargetError as error:
            self._answers.append((host, error))

    def _take_over(self, asked: TargetHost, answer: TargetHost | TargetError) -> None:
        address = asked.address
        self._asking.discard(address)
        if isinstance(answer, TargetError):
            self._trouble(f"{answer.message}; clients go on with the addresses known before")
            return
        found = answer.without(asked.unused)
        if set(found.endpoints) != set(asked.endpoints):
            self._changed[address] = found
            self._trouble(f"{address.host} has new addresses: {', '.join(map(address_text, found.endpoints))}")
