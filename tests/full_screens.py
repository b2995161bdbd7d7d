"""Fakes for the full screen: a door that answers at once, pictures of a load, the text of a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from textual.pilot import Pilot

from load_states import COUNTS, START_NS, TITLE, second_at, state
from malaria.attacks.followers import AttackUnderWay
from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.records.rows import BeeStanding, Event, EventKind, Observation
from malaria.tui.load_app import Controls, LoadApp
from malaria.tui.load_watch import LoadWatch


class FakeDoor:
    """Takes everything but what `answers` says, and remembers what was asked."""

    def __init__(self, **answers: AnswerKind) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []
        self.looked: list[str] = []

    def ask(self, text: str, by: str) -> ChangeAnswer:
        self.asked.append((text, by))
        return self._answer(text)

    def look_ahead(self, text: str) -> ChangeAnswer:
        self.looked.append(text)
        return self._answer(text)

    def _answer(self, text: str) -> ChangeAnswer:
        kind = self.answers.get(text, AnswerKind.TAKEN)
        if kind is AnswerKind.TAKEN:
            return ChangeAnswer(kind, f"{text} clients at 0:31", "", START_NS + 31 * NS_PER_S)
        return ChangeAnswer(kind, f"{text} cannot be done", "write something else")


def under_way(door: FakeDoor) -> AttackUnderWay:
    """An attack that a watch follows."""
    return cast(AttackUnderWay, SimpleNamespace(door=door, workers=("1", "2"), directory=Path("runs/x")))


def watched(door: FakeDoor | None = None, bees: int = 0, seconds: int = 60) -> LoadWatch:
    """A watch that has followed an attack for a minute."""
    watch = LoadWatch(TITLE)
    watch.begin(under_way(door or FakeDoor()))
    for row in READINGS:
        watch.observation(row)
    standing = tuple(BeeStanding(f"bee-{n}", 500, 83.3, 83.0, 900_000 + n, lost=n == 2) for n in range(1, bees + 1))
    for second in range(1, seconds + 1):
        counts = {name: round(count * (0.6 + second % 7 / 10)) for name, count in COUNTS.items()}
        at_ns = START_NS + second * NS_PER_S
        watch.progress(state(second, second=second_at(at_ns, counts), bees=standing))
    watch.event(Event(START_NS, EventKind.PHASE, "measure"))
    watch.event(Event(START_NS + 31 * NS_PER_S, EventKind.SURGE, "+500 clients"))
    watch.event(Event(START_NS + 44 * NS_PER_S, EventKind.TROUBLE, "connection lost: reset by peer", count=1204))
    return watch


READINGS = (
    Observation("process", 0, {"cpu_percent": 93.0, "rss_bytes": 31_000_000, "threads": 1, "descriptors": 3012}),
    Observation("host", 0, {"cpu_percent": 38.0, "memory_used_bytes": 310_000_000, "memory_bytes": 2_000_000_000}),
    Observation("sys", 0, {"clients_connected": 3002, "messages_received_per_s": 500.0, "messages_sent_per_s": 1000.0,
                           "publish_dropped": 0, "messages_stored": 51, "messages_inflight": 4}),
    Observation("programs", 0, {"busy_percent": 12.0}),
)  # fmt: skip


class FakeControls:
    """Counts how often the end was asked for."""

    def __init__(self) -> None:
        self.endings = 0

    def end(self) -> None:
        self.endings += 1

    @property
    def controls(self) -> Controls:
        return Controls(self.end, lambda: self.endings)


def screen_text(app: LoadApp) -> str:
    """What stands on the screen, without the blanks at the ends of lines."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


def piloted(
    watch: LoadWatch,
    act: Callable[[Pilot[None], LoadApp], Awaitable[None]],
    size: tuple[int, int] = (80, 24),
    controls: FakeControls | None = None,
) -> None:
    """Run the app without a terminal, and act on it."""

    async def run() -> None:
        app = LoadApp(watch, (controls or FakeControls()).controls)
        async with app.run_test(size=size) as pilot:
            await act(pilot, app)

    asyncio.run(run())


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until something holds, which the desk's thread brings about."""
    for _ in range(2000):
        if holds():
            return
        await pilot.pause(0.005)
    raise AssertionError("it does not come about")
