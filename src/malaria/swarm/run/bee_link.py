"""The conductor's connection to one bee: orders, a heartbeat, and an exchange of clocks with each.

Coroutines of the swarm's event loop. Promises: orders arrive in the order in which they were given, each once; the
exchange of clocks costs no message of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

from malaria.clock import now_ns
from malaria.control.messages import Order
from malaria.errors import OperatorError
from malaria.swarm.run.bee_clock import BeeClock
from malaria.swarm.run.bee_messages import Assigned, Assignment, Command, Joined, Knocked
from malaria.swarm.run.bee_server import CONNECTION_ENDED, BeeChannel
from malaria.swarm.run.clock_offsets import Exchange
from malaria.swarm.run.timekeeping import ask_time, new_key

CALL_S: Final = 8.0
"""A call that takes longer is given up; the heartbeats have judged the bee before."""
FIRST_EXCHANGES: Final = 24
"""Exchanges before the load, one after the other: the shortest of them bounds the offset."""


class BeeLink:
    """One bee, as the conductor sees it."""

    def __init__(self, name: str, channel: BeeChannel, on_broken: Callable[[str, str], None]) -> None:
        """`on_broken` is called with the name and a reason, once, when the bee cannot be called any more."""
        self.name = name
        self.clock = BeeClock()
        self.joined: Joined | None = None
        self._channel = channel
        self._clock_key = new_key()  # one for each bee: no other bee can ask or answer in its name
        self._clock_lock = threading.Lock()
        self._on_broken = on_broken
        self._orders: list[Order] = []
        self._wake = asyncio.Event()
        self._over = False

    async def join(self) -> Joined:
        """Let the bee introduce itself, and measure the offset of its clock."""
        self.joined = await self._channel.join(self._clock_key)
        await asyncio.to_thread(self.ask_clock, FIRST_EXCHANGES)
        # where a firewall blocks datagrams, commands measure the offset
        for _ in range(0 if self.clock.track.exchanges else FIRST_EXCHANGES):
            await self._send(Command())
        self.clock.note_before_load(now_ns())
        return self.joined

    def ask_clock(self, times: int) -> None:
        """Ask for the bee's time so often, by datagrams. Blocks: not for the event loop."""
        assert self.joined is not None
        for exchange in ask_time(self.joined.clock_address, self._clock_key, times):
            self._take(exchange)

    async def knock(self, assignment: Assignment) -> Knocked:
        return await self._channel.knock(assignment)

    async def assign(self, assignment: Assignment) -> Assigned:
        return await self._channel.assign(assignment)

    def order(self, order: Order) -> None:
        """Pass an order on with the next command, which goes at once."""
        self._orders.append(order)
        self._wake.set()

    def end(self) -> None:
        """Send no more commands."""
        self._over = True
        self._wake.set()

    async def forget(self) -> None:
        await self._channel.forget()

    async def send_commands(self, heartbeat_s: float) -> None:
        """Send commands for a whole attack: at once for an order, and at least once a heartbeat."""
        while not self._over:
            try:
                async with asyncio.timeout(heartbeat_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            orders, self._orders = tuple(self._orders), []
            try:
                await self._send(Command(orders, self.clock.correction(now_ns())))
            except TimeoutError:
                self._break_off(f"did not answer within {CALL_S:.0f} s")
            except (OSError, OperatorError):
                self._break_off(self._channel.ended or CONNECTION_ENDED)

    def _break_off(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._on_broken(self.name, reason)

    async def _send(self, command: Command) -> None:
        async with asyncio.timeout(CALL_S):
            asked_ns = now_ns()
            answered_ns = await self._channel.execute(command)
            self._take(Exchange(asked_ns, answered_ns, now_ns()))

    def _take(self, exchange: Exchange) -> None:
        """Enter an exchange; two threads make them."""
        with self._clock_lock:
            self.clock.take(exchange, now_ns())
