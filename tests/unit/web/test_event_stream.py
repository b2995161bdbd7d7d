"""The stream: what is new once a second, from where a reader was, and no patience without end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from live_runs import Playback
from malaria.web.event_stream import EventClock, EventStream
from malaria.web.feed_place import START, FeedPlace, parse_place
from malaria.web.live_feed import LiveFeed

NO_SCOPE: dict[str, Any] = {}
LONG_S = 60.0


class Reader:
    """A browser that reads a stream; it may stop reading."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []
        self.ended = False
        self.can_read = asyncio.Event()
        self.can_read.set()
        self.gone = asyncio.Event()

    async def send(self, message: Any) -> None:
        await self.can_read.wait()
        if message["type"] == "http.response.body":
            lines = message["body"].decode().strip().splitlines()
            self.messages.append(dict(line.split(": ", 1) for line in lines))
            self.ended = not message["more_body"]

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    def views(self) -> list[Any]:
        return [json.loads(message["data"]) for message in self.messages]


class Stage:
    """A feed, its clock, and a run that is played."""

    def __init__(self) -> None:
        self.feed = LiveFeed("attack")
        self.clock = EventClock(self.feed)
        self.playback = Playback(self.feed)

    async def second(self, until_s: float) -> None:
        self.playback.play(until_s)
        self.clock.strike()
        for _ in range(10):
            await asyncio.sleep(0)

    def open(self, reader: Reader, since: FeedPlace = START, patience_s: float = LONG_S) -> asyncio.Task[None]:
        return asyncio.create_task(
            EventStream(self.feed, self.clock, since, is_page=True, patience_s=patience_s)(
                NO_SCOPE, reader.receive, reader.send
            )
        )


def staged(story: Callable[[Stage], Awaitable[None]]) -> None:
    async def play() -> None:
        await story(Stage())

    asyncio.run(play())


def test_each_second_has_what_is_new_in_it() -> None:
    async def story(stage: Stage) -> None:
        reader = Reader()
        task = stage.open(reader)
        for second in (8, 9, 10):
            await stage.second(second)
        reader.gone.set()
        await task
        views = reader.views()
        assert [message["event"] for message in reader.messages] == ["run"] * len(views)
        rows = [len(view["columns"].get("t_s", ())) for view in views]
        assert rows[-2:] == [1, 1]
        assert reader.messages[-1]["id"] == views[-1]["id"]
        assert stage.clock.readers == 0

    staged(story)


def test_a_reader_that_comes_back_misses_nothing() -> None:
    async def story(stage: Stage) -> None:
        first = Reader()
        task = stage.open(first)
        await stage.second(8)
        first.gone.set()
        await task
        await stage.second(15)
        again = Reader()
        task = stage.open(again, parse_place(first.messages[-1]["id"]))
        await stage.second(16)
        again.gone.set()
        await task
        before, after = first.views()[-1], again.views()[0]
        assert after["first_row"] == before["first_row"] + len(before["columns"]["t_s"])
        assert after["columns"]["t_s"][0] == before["columns"]["t_s"][-1] + 1
        assert after["first_event"] == before["first_event"] + len(before["events"])

    staged(story)


def test_a_reader_that_is_slow_holds_nobody_and_then_has_all() -> None:
    async def story(stage: Stage) -> None:
        slow, quick = Reader(), Reader()
        tasks = [stage.open(slow), stage.open(quick)]
        await stage.second(8)
        slow.can_read.clear()
        for second in range(9, 20):
            await stage.second(second)
        assert len(quick.messages) > len(slow.messages) + 8
        slow.can_read.set()
        await stage.second(20)
        await stage.second(21)
        for reader in (slow, quick):
            reader.gone.set()
        await asyncio.gather(*tasks)
        rows = [[row for view in one.views() for row in view["columns"].get("t_s", ())] for one in (slow, quick)]
        assert rows[0] == rows[1]
        assert len(slow.messages) < len(quick.messages)

    staged(story)


def test_a_reader_that_reads_nothing_is_dropped() -> None:
    async def story(stage: Stage) -> None:
        reader = Reader()
        reader.can_read.clear()
        task = stage.open(reader, patience_s=0.01)
        reader.can_read.set()
        await stage.second(8)
        reader.can_read.clear()
        await stage.second(9)
        await asyncio.wait_for(task, LONG_S)
        assert stage.clock.dropped_readers == 1
        assert stage.clock.readers == 0

    staged(story)


def test_at_the_end_a_reader_is_led_to_the_report() -> None:
    async def story(stage: Stage) -> None:
        reader = Reader()
        task = stage.open(reader)
        await stage.second(8)
        stage.feed.report = Path("report.html")
        await stage.second(9)
        await asyncio.wait_for(task, LONG_S)
        assert reader.messages[-1]["event"] == "report"
        assert reader.views()[-1]["status"]["state"] == "reported"
        assert reader.ended

    staged(story)
