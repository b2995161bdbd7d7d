"""The conductor's line to one bee: orders in their order, a word at least every beat, and its clock's time with each.

Coroutines of the hive's loop. Promises: orders arrive in the order in which they were given, each once; the exchange of
clocks costs no message of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

from malaria.clock import now_ns
from malaria.control.messages import Order
from malaria.swarm.run.bee_messages import Assigned, Assignment, Command, Joined
from malaria.swarm.run.clock_offsets import ClockTrack, Exchange, Offset
from malaria.swarm.run.cluster import ActorProxy
from malaria.swarm.run.timekeeping import ask

CALL_S: Final = 8.0
"""A call that takes longer is given up; the vigil has judged the bee before."""
FIRST_EXCHANGES: Final = 24
"""Before the load, quickly: the shortest of them bounds the offset."""


class BeeLink:
    """One bee, as the conductor sees it."""

    def __init__(self, name: str, chair: ActorProxy, broken: Callable[[str, str], None]) -> None:
        """`broken` is told the name and why, once, when the bee cannot be called any more."""
        self.name = name
        self.track = ClockTrack()
        self.joined: Joined | None = None
        self.before: Offset | None = None
        self.corrections = 0
        self.worst_error_ns = 0  # how far its run time may have been from the conductor's
        self._chair = chair
        self._clock_key = b""
        self._clock_lock = threading.Lock()
        self._broken = broken
        self._orders: list[Order] = []
        self._wake = asyncio.Event()
        self._epoch_ns = 0  # the conductor's
        self._used_ns: int | None = None  # the offset that the bee's run time counts with
        self._over = False

    async def meet(self, clock_key: bytes) -> Joined:
        """Its first words, and how its clock stands to ours."""
        self._clock_key = clock_key
        self.joined = await self._chair.join(clock_key)
        await asyncio.to_thread(self.look_at_clock, FIRST_EXCHANGES)
        for _ in range(0 if self.track.exchanges else FIRST_EXCHANGES):
            await self._exchange(Command())
        self.before = self.track.estimate(now_ns())
        return self.joined

    def look_at_clock(self, times: int) -> None:
        """Asks for its time so often, by datagrams. Not on the loop."""
        assert self.joined is not None
        for exchange in ask(self.joined.clock_address, self._clock_key, times):
            self._take(exchange)

    def epoch_on_bee(self, epoch_ns: int) -> int:
        """Where run time 0 lies on its clock, as far as is known now; the load will count from there."""
        estimate = self.track.estimate(now_ns())
        assert estimate is not None
        self._epoch_ns, self._used_ns = epoch_ns, estimate.offset_ns
        self.worst_error_ns = estimate.error_ns
        return epoch_ns + estimate.offset_ns

    async def hire(self, contract: Assignment) -> Assigned:
        return await self._chair.hire(contract)

    def order(self, order: Order) -> None:
        """To be passed on at once."""
        self._orders.append(order)
        self._wake.set()

    def end(self) -> None:
        """Nothing more is said."""
        self._over = True
        self._wake.set()

    async def forget(self) -> None:
        await self._chair.forget()

    async def talk(self, beat_s: float) -> None:
        """The conversation of a whole attack, with a word at least that often."""
        while not self._over:
            try:
                async with asyncio.timeout(beat_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            orders, self._orders = tuple(self._orders), []
            try:
                await self._exchange(Command(orders, self._correction()))
            except TimeoutError:
                self._end_with(f"did not answer within {CALL_S:.0f} s")
            except Exception:  # whatever Dask raises for a bee that is gone
                self._end_with("is gone: its connection ended")

    def _end_with(self, why: str) -> None:
        if not self._over:
            self._over = True
            self._broken(self.name, why)

    async def _exchange(self, word: Command) -> None:
        async with asyncio.timeout(CALL_S):
            asked_ns = now_ns()
            told_ns = await self._chair.obey(word)
            self._take(Exchange(asked_ns, told_ns, now_ns()))

    def _take(self, exchange: Exchange) -> None:
        """Enters an exchange, whichever thread made it."""
        with self._clock_lock:
            self.track.take(exchange)
            estimate = self.track.estimate(now_ns())
            if self._used_ns is not None and estimate is not None:
                self.worst_error_ns = max(self.worst_error_ns, estimate.distance_ns(self._used_ns))

    def _correction(self) -> int | None:
        """A new run time 0, once the offset that is used cannot be the true one any more."""
        estimate = self.track.estimate(now_ns())
        if self._used_ns is None or estimate is None or estimate.allows(self._used_ns):
            return None
        self.corrections += 1
        self._used_ns = estimate.offset_ns
        return self._epoch_ns + estimate.offset_ns
