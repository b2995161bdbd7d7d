"""Keys, answers and sizes of the full screen, without a terminal."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from full_screens import FakeControls, FakeDoor, piloted, screen_text, until, watched
from malaria.control.change_answer import AnswerKind
from malaria.tui.load_app import LoadApp


@pytest.mark.parametrize(
    ("key", "asked"),
    [("w", "+1"), ("W", "+10"), ("s", "-1"), ("S", "-10"), ("p", "pause")],
)
def test_keys_that_change_at_once(key: str, asked: str) -> None:
    door = FakeDoor()

    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.press(key)
        await until(pilot, lambda: f"  {asked}: taken: {asked} clients at 0:31" in screen_text(app))

    piloted(watched(door), act)
    assert door.asked == [(asked, "key")]


def test_a_change_is_written_with_what_it_would_do_below() -> None:
    door = FakeDoor()

    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.press("plus")
        await pilot.press(*"500")
        await until(pilot, lambda: "\n  +500 clients at 0:31\n  +500" in screen_text(app))
        assert door.asked == []
        await pilot.press("enter")
        await until(pilot, lambda: "+500: taken: +500 clients at 0:31" in screen_text(app))

    piloted(watched(door), act)
    assert door.asked == [("+500", "key")]


@pytest.mark.parametrize(("key", "start"), [("plus", "+"), ("minus", "-"), ("colon", "")])
def test_the_line_begins_with_its_sign_and_escape_leaves_it(key: str, start: str) -> None:
    door = FakeDoor()

    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.press(key)
        assert app.screen.query_one(Input).value == start
        assert "write +500, -500, rate=2/s" in screen_text(app)
        await pilot.press(*"wsq", "escape")
        assert "w +1" in screen_text(app)

    controls = FakeControls()
    piloted(watched(door), act, controls=controls)
    assert (door.asked, controls.endings) == ([], 0)


@pytest.mark.parametrize("kind", [AnswerKind.CONFLICT, AnswerKind.REFUSED])
def test_what_is_not_done_is_said_with_the_remedy(kind: AnswerKind) -> None:
    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.press("w")
        said = f"+1: {kind}: +1 cannot be done; write something else"
        await until(pilot, lambda: f"  {said}" in screen_text(app))
        await until(pilot, lambda: f"asked for {said}" in screen_text(app))

    piloted(watched(FakeDoor(**{"+1": kind})), act)


@pytest.mark.parametrize("key", ["e", "q", "colon"])
def test_a_question_takes_the_place_of_a_long_answer(key: str) -> None:
    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        shown = "\n  +1: refused: +1 cannot be done; write something\n  else\n"
        await pilot.press("w")
        await until(pilot, lambda: shown in screen_text(app))
        await pilot.press(key)
        await until(pilot, lambda: "\n  +1: refused" not in screen_text(app))
        assert "\n  else" not in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: shown in screen_text(app))

    piloted(watched(FakeDoor(**{"+1": AnswerKind.REFUSED})), act, size=(54, 24))


def test_the_end_is_asked_for_and_is_ctrl_c() -> None:
    controls = FakeControls()

    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.press("q")
        assert "End and report, as Ctrl-C does once?" in screen_text(app)
        await pilot.press("n")
        assert controls.endings == 0
        await pilot.press("q", "y")
        assert controls.endings == 1
        await pilot.press("q")
        assert "Stop at once, as Ctrl-C does twice?" in screen_text(app)
        await pilot.press("ctrl+q", "escape", "ctrl+q")
        assert "Stop at once, as Ctrl-C does twice?" in screen_text(app), "it asks, like q"
        await pilot.press("escape", "ctrl+c")
        assert controls.endings == 2
        assert app.is_running

    piloted(watched(), act, controls=controls)


def test_the_end_of_the_phase_is_asked_for() -> None:
    door = FakeDoor()

    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.press("e", "n")
        await pilot.press("e")
        assert "End the load now?" in screen_text(app)
        await pilot.press("y")
        await until(pilot, lambda: "end: taken" in screen_text(app))

    piloted(watched(door), act)
    assert door.asked == [("end", "key")]


def test_help_has_every_key_and_any_key_closes_it() -> None:
    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.press("question_mark")
        for words in ("add 1 client", "pause, and resume", "Ctrl-C", "meters: +500"):
            assert words in screen_text(app)
        await pilot.press("x")
        assert "add 1 client" not in screen_text(app)

    piloted(watched(), act)


def test_figures_go_on_behind_a_question() -> None:
    watch = watched()

    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.press("q")
        watch.tell("a level is over")
        await until(pilot, lambda: "a level is over" in screen_text(app))

    piloted(watch, act)


def test_the_size_may_change() -> None:
    async def act(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.resize_terminal(200, 50)
        await until(pilot, lambda: any(len(line) > 150 for line in screen_text(app).splitlines()))
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: "too small for every figure" in screen_text(app))
        assert "\n  sent               500/s        500/s        448/s       …\n" in screen_text(app)

    piloted(watched(), act)
