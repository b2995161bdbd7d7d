"""The feed: the run as it is, what is new since a place, and the same whole for everybody in the end."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from live_runs import Playback, under_way
from malaria.analysis.series import columns
from malaria.attacks.change_door import ChangeDoor
from malaria.clock import NS_PER_S
from malaria.records.rows import GAP, BeeStanding, Event, EventKind, Observation, Progress, RunPhase
from malaria.web.feed_place import START, parse_place
from malaria.web.http_models import RunView
from malaria.web.live_feed import LiveFeed
from synthetic import make_run


class Page:
    """What the script of a page does with the views that it gets."""

    def __init__(self, feed: LiveFeed) -> None:
        self.feed = feed
        self.place = START
        self.columns: dict[str, list[object]] = {}
        self.events: list[str] = []
        self.epoch = -1

    def look(self) -> RunView:
        self.place, text = self.feed.text_since(self.place)
        view = RunView.model_validate_json(text)
        if view.epoch != self.epoch:
            self.columns, self.events, self.epoch = {}, [], view.epoch
        for name, rows in view.columns.items():
            before = self.columns.get(name, [])[: view.first_row]
            self.columns[name] = before + [None] * (view.first_row - len(before)) + list(rows)
        assert view.first_event == len(self.events)
        self.events += [event.text for event in view.events]
        return view


def test_before_the_first_attack_there_is_a_state_and_no_figures() -> None:
    view = LiveFeed("attack").view()
    assert (view.status.state, view.columns, view.chart, view.facts) == ("waiting", {}, None, None)


def test_a_page_that_looks_often_has_what_one_has_that_looks_once() -> None:
    feed = LiveFeed("attack")
    playback, often = Playback(feed), Page(feed)
    for second in range(1, 37):
        playback.play(second)
        often.look()
    feed.end("")
    feed.catch_up()
    late = Page(feed)
    late.look()
    often.look()
    assert often.columns == late.columns == json.loads(json.dumps(columns(playback.run)))
    assert often.events == late.events == [event.text for event in playback.run.events]


def test_a_view_of_what_is_new_is_small() -> None:
    feed = LiveFeed("attack")
    playback, page = Playback(feed), Page(feed)
    playback.play(20)
    page.look()
    playback.play(21)
    view = page.look()
    assert {len(rows) for rows in view.columns.values()} == {1}
    assert page.look().columns.keys() == view.columns.keys()
    assert page.look().first_row == len(page.columns["t_s"])


def test_an_unknown_place_gets_everything() -> None:
    feed = LiveFeed("attack")
    Playback(feed).play(20)
    whole = feed.view()
    for text in ("", "nonsense", "9-1-1", "1-5-99999", "1-2", "-1--1-0", "1-²-0"):
        assert feed.view(parse_place(text)) == whole


def test_the_next_attack_begins_anew() -> None:
    feed = LiveFeed("campaign")
    page = Page(feed)
    Playback(feed).play(20)
    before = page.look()
    second = Playback(feed)
    second.play(4)
    view = page.look()
    assert view.epoch == before.epoch + 1
    assert view.first_row == 0
    assert len(page.columns["t_s"]) < 5


def test_the_chart_is_that_of_the_report_with_its_marks() -> None:
    feed = LiveFeed("attack")
    run = make_run()
    playback = Playback(feed, run)
    feed.event(Event(8 * NS_PER_S, EventKind.ACT, "+500 clients"))
    playback.play(20)
    chart = feed.view().chart
    assert chart is not None
    assert [panel["title"] for panel in chart["panels"]][:3] == ["clients", "messages per second", "latency"]
    assert [mark[1] for mark in chart["marks"]] == ["+500 clients"]
    assert chart["marks"][0][0] == 8 - chart["zero"]
    assert chart["table"] == "series"


def test_the_state_in_words_and_figures() -> None:
    feed = LiveFeed("attack")
    Playback(feed).play(20)
    status = feed.view().status
    assert status.state == "running"
    assert status.sentence == "so far: on target"
    names = [figure.name for figure in status.figures]
    assert names[:3] == ["clients", "rate", "ack"]
    assert status.load_start_s == 3


def test_a_group_has_the_rate_that_it_was_given_last() -> None:
    feed = LiveFeed("attack")
    Playback(feed).play(20)
    facts = feed.view().facts
    assert facts is not None
    assert [group.rate for group in facts.groups] == ["1", ""]
    feed.progress(Progress(1, RunPhase.MEASURE, 1, 1, 500, 83.0, intervals={"publishers": Fraction(6)}))
    facts = feed.view().facts
    assert facts is not None
    assert [group.rate for group in facts.groups] == ["1/6", ""]


def test_how_it_ended_is_told() -> None:
    feed = LiveFeed("attack")
    Playback(feed).play(20)
    feed.end("the disk is full")
    assert (feed.view().status.state, feed.view().status.note) == ("over", "the disk is full")
    feed.end("")
    assert feed.view().status.note == "the disk is full"
    feed.report = Path("report.html")
    assert feed.view().status.state == "reported"


def test_rows_that_come_too_fast_are_counted() -> None:
    feed = LiveFeed("attack")
    run = make_run()
    feed.begin(under_way(run))
    for _ in range(100_007):
        feed.event(Event(1, EventKind.TROUBLE, "refused"))
    feed.catch_up()
    assert feed.view().status.note == "7 rows came too fast to be shown"
    assert len(feed.view().events) == 2000
    assert feed.view().first_event == 98_000


def test_a_watch_has_the_readings_of_its_observers() -> None:
    feed = LiveFeed("watch", watches=True)
    page = Page(feed)
    feed.observed(NS_PER_S, [Observation("process", NS_PER_S // 2, {"cpu_percent": 40.0, "rss_bytes": 5_000_000})])
    feed.observed(3 * NS_PER_S, [Observation("sys", 2 * NS_PER_S, {GAP: "no $SYS here"})])
    feed.catch_up()
    view = page.look()
    assert view.status.state == "running"
    assert [(figure.label, figure.value) for figure in view.status.figures] == [
        ("broker CPU", "40 %"), ("broker memory", "5.0 MB"),
    ]  # fmt: skip
    assert page.columns["process_cpu_percent"] == [40.0, None, None]
    assert page.events == ["sys: no $SYS here"]
    feed.end("")
    assert feed.view().status.note == "the watch is over"


def test_the_bees_of_a_swarm() -> None:
    feed = LiveFeed("attack")
    playback = Playback(feed)
    bees = (BeeStanding("bee-1", 500, 83.3, 83.2, 1_200_000), BeeStanding("bee-2", 0, None, None, None, lost=True))
    playback.play(20)
    shown = feed.view().status
    assert shown.bees == ()
    feed.progress(replace(Progress(1, RunPhase.MEASURE, 1, 1, 500, 83.0), bees=bees))
    assert [(bee.name, bee.clients_ready, bee.lag_max_ms, bee.lost) for bee in feed.view().status.bees] == [
        ("bee-1", 500, 1.2, False), ("bee-2", 0, None, True),
    ]  # fmt: skip


def test_a_load_that_nobody_may_change_says_why() -> None:
    feed = LiveFeed("capacity")
    door = ChangeDoor()
    Playback(feed, door=door).play(20)
    assert feed.view().status.no_changes == ""
    door.close("a search sets its loads itself")
    assert feed.view().status.no_changes == "a search sets its loads itself"


def test_the_groups_that_pause() -> None:
    feed = LiveFeed("attack")
    Playback(feed).play(20)
    assert feed.view().status.paused == ()
    feed.progress(Progress(1, RunPhase.MEASURE, 1, 1, 500, 0.0, paused=("meters",)))
    assert feed.view().status.paused == ("meters",)


def test_a_page_of_an_earlier_command_gets_everything() -> None:
    places = []
    for _ in range(2):
        feed = LiveFeed("attack")
        Playback(feed).play(20)
        places.append(parse_place(feed.view().id))
    assert places[0].epoch != places[1].epoch
    assert feed.view(places[0]).first_row == 0
