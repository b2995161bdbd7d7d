"""The conductor's line to one bee, without a bee: its chair is a list."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from malaria.clock import now_ns
from malaria.control.messages import ConnectAll, Finish, StartPublishing
from malaria.swarm.run import bee_link as module
from malaria.swarm.run.bee_link import FIRST_EXCHANGES, BeeLink
from malaria.swarm.run.bee_messages import Command, Joined
from malaria.swarm.run.clock_offsets import Exchange

MS = 1_000_000


class FakeChair:
    """Keeps the words; its clock is `ahead_ns` before ours."""

    def __init__(self, ahead_ns: int = 0) -> None:
        self.ahead_ns = ahead_ns
        self.words: list[Command] = []
        self.raises: Exception | None = None
        self.enough = asyncio.Event()

    async def join(self, _: bytes) -> Joined:
        return Joined("bee-1", 2, "/tmp", {}, ("127.0.0.1", 1))

    async def obey(self, word: Command) -> int:
        if self.raises is not None:
            raise self.raises
        self.words.append(word)
        self.enough.set()
        return now_ns() + self.ahead_ns


@pytest.fixture(autouse=True)
def _no_datagrams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ask", lambda *_: [])


def line_to(chair: FakeChair, broken: Any = lambda *_: None) -> BeeLink:
    return BeeLink("bee-1", chair, broken)  # type: ignore[arg-type]


async def talked(line: BeeLink, chair: FakeChair) -> None:
    """One word on its way, then the end of the conversation."""
    chair.enough.clear()
    talk = asyncio.ensure_future(line.talk(0.5))
    await chair.enough.wait()
    line.end()
    await talk


def test_where_no_datagram_comes_through_the_words_themselves_tell_the_offset() -> None:
    async def play() -> BeeLink:
        line = line_to(FakeChair(ahead_ns=80 * MS))
        await line.meet(b"key")
        return line

    line = asyncio.run(play())
    assert line.track.exchanges == FIRST_EXCHANGES
    assert line.before is not None
    assert line.before.allows(80 * MS)
    assert not line.before.allows(0)


def test_run_time_is_given_in_the_bees_own_clock() -> None:
    line = line_to(FakeChair())
    line.track.take(Exchange(0, 80 * MS, 0))
    assert line.epoch_on_bee(5 * MS) == 85 * MS


def test_orders_go_together_and_in_their_order() -> None:
    async def play() -> FakeChair:
        chair = FakeChair()
        line = line_to(chair)
        for order in (ConnectAll(rest=True), StartPublishing(1, 2, 3), Finish()):
            line.order(order)
        await talked(line, chair)
        return chair

    chair = asyncio.run(play())
    assert chair.words[0].orders == (ConnectAll(rest=True), StartPublishing(1, 2, 3), Finish())
    assert all(not word.orders for word in chair.words[1:])


def test_an_offset_that_cannot_be_true_any_more_is_corrected_and_the_error_kept() -> None:
    async def play() -> tuple[BeeLink, FakeChair]:
        chair = FakeChair(ahead_ns=3 * MS)
        line = line_to(chair)
        at_ns = now_ns()
        line.track.take(Exchange(at_ns, at_ns, at_ns))
        line.epoch_on_bee(1_000)
        line._take(Exchange(at_ns, at_ns + 3 * MS, at_ns))  # it has jumped
        line.order(Finish())
        await talked(line, chair)
        return line, chair

    line, chair = asyncio.run(play())
    assert line.track.steps == 1
    assert line.corrections == 1
    assert chair.words[0].epoch_ns is not None
    assert abs(chair.words[0].epoch_ns - 1_000 - 3 * MS) < MS
    assert line.worst_error_ns >= 3 * MS - MS


def test_a_bee_that_cannot_be_called_is_told_once() -> None:
    told: list[tuple[str, str]] = []

    async def play() -> None:
        chair = FakeChair()
        chair.raises = OSError("gone")
        line = line_to(chair, lambda name, why: told.append((name, why)))
        line.order(Finish())
        await line.talk(0.5)

    asyncio.run(play())
    assert told == [("bee-1", "is gone: its connection ended")]
