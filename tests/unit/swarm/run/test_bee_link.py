"""The conductor's connection to one bee; a list takes the bee's place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from malaria.clock import now_ns
from malaria.control.messages import ConnectAll, Finish, StartPublishing
from malaria.records.run_meta import EnvironmentFacts
from malaria.swarm.run import bee_link as module
from malaria.swarm.run.bee_link import FIRST_EXCHANGES, BeeLink
from malaria.swarm.run.bee_messages import Command, Joined
from malaria.swarm.run.version_check import own_stamp

MS = 1_000_000


class FakeProxy:
    """Keeps the commands; its clock is `ahead_ns` ahead."""

    def __init__(self, ahead_ns: int = 0) -> None:
        self.ahead_ns = ahead_ns
        self.commands: list[Command] = []
        self.raises: Exception | None = None
        self.enough = asyncio.Event()

    ended = ""

    async def join(self, _: bytes) -> Joined:
        return Joined("bee-1", 2, "/tmp", EnvironmentFacts(), ("127.0.0.1", 1), own_stamp())

    async def execute(self, command: Command) -> int:
        if self.raises is not None:
            raise self.raises
        self.commands.append(command)
        self.enough.set()
        return now_ns() + self.ahead_ns


@pytest.fixture(autouse=True)
def _no_datagrams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ask_time", lambda *_: [])


def link_to(proxy: FakeProxy, broken: Any = lambda *_: None) -> BeeLink:
    return BeeLink("bee-1", proxy, broken)  # type: ignore[arg-type]


async def converse(link: BeeLink, proxy: FakeProxy) -> None:
    """Let one command be sent, then end."""
    proxy.enough.clear()
    sender = asyncio.ensure_future(link.send_commands(0.5))
    await proxy.enough.wait()
    link.end()
    await sender


def test_where_no_datagram_comes_through_commands_measure_the_offset() -> None:
    async def play() -> BeeLink:
        link = link_to(FakeProxy(ahead_ns=80 * MS))
        await link.join()
        return link

    link = asyncio.run(play())
    assert link.clock.track.exchanges == FIRST_EXCHANGES
    assert link.clock.before is not None
    assert link.clock.before.allows(80 * MS)
    assert not link.clock.before.allows(0)


def test_orders_go_together_and_in_their_order() -> None:
    async def play() -> FakeProxy:
        proxy = FakeProxy()
        link = link_to(proxy)
        for order in (ConnectAll(rest=True), StartPublishing(1, 2, 3), Finish()):
            link.order(order)
        await converse(link, proxy)
        return proxy

    proxy = asyncio.run(play())
    assert proxy.commands[0].orders == (ConnectAll(rest=True), StartPublishing(1, 2, 3), Finish())
    assert all(not command.orders for command in proxy.commands[1:])


def test_a_bee_that_cannot_be_called_is_reported_once() -> None:
    broken: list[tuple[str, str]] = []

    async def play() -> None:
        proxy = FakeProxy()
        proxy.raises = OSError("gone")
        link = link_to(proxy, lambda name, reason: broken.append((name, reason)))
        link.order(Finish())
        await link.send_commands(0.5)

    asyncio.run(play())
    assert broken == [("bee-1", "is gone: its connection ended")]
