"""The lines of the full screen at several sizes."""

from __future__ import annotations

import pytest

from full_screens import FakeDoor, watched
from load_states import state
from malaria.records.rows import BeeStanding, Observation, RunPhase
from malaria.tui.load_watch import LoadWatch, ScreenPicture
from malaria.tui.screen_panels import bar_rows, bee_lines, phase_bar, screen_lines


def lines(picture: ScreenPicture, width: int = 80, height: int = 22) -> list[str]:
    return [line.plain for line in screen_lines(picture, width, height, height + 2)]


@pytest.mark.parametrize(("width", "height"), [(80, 22), (80, 23), (100, 30), (161, 40), (162, 40), (200, 48)])
@pytest.mark.parametrize("bees", [0, 2, 40])
def test_every_figure_is_there_and_nothing_sticks_out(width: int, height: int, bees: int) -> None:
    shown = lines(watched(bees=bees).picture(), width, height)
    assert len(shown) <= height
    assert max(map(len, shown)) <= width
    text = "\n".join(shown)
    for words in ("due", "sent", "acked", "delivered", "ack ", "end to end", "connect", "own lag", "3,000 of 3,000",
                  "CPU 93 % of a core", "memory 31 MB", "host ", "CPU 38 %", "dropped 0", "stored 51",
                  "measure 1:00/10:00", "so far: ", "(x 1,204)"):  # fmt: skip
        assert words in text, words
    assert ("acked/s" in text) or bees  # where there is no room for both, bees tell more
    assert ("bee-2" in text) is (bees > 0)
    assert "too small" not in text


def test_a_small_screen_says_so() -> None:
    assert lines(watched().picture(), 60, 18)[0] == "too small for every figure: make it 80 x 24"
    assert len(lines(watched().picture(), 20, 5)) == 5


def test_a_long_answer_makes_no_screen_small() -> None:
    assert "too small" not in screen_lines(watched().picture(), 80, 20, 24)[0].plain


def test_before_the_load_the_stage() -> None:
    assert lines(LoadWatch("malaria attack x").picture()) == [
        "malaria attack x",
        "  preparing: the target is looked at, the workers start",
    ]


def test_after_the_load_the_stage_replaces_the_bar() -> None:
    watch = watched()
    watch.end("")
    shown = lines(watch.picture())
    assert "  over; the result is made" in shown
    assert not any("measure 1:00" in line for line in shown)


def test_an_observer_that_sees_nothing_says_why() -> None:
    watch = watched()
    watch.observation(Observation("sys", 0, {"gap": "the broker tells nothing below $SYS"}))
    assert any(line.startswith("  $SYS       the broker tells nothing") for line in lines(watch.picture()))


def test_only_what_is_wrong_has_a_colour() -> None:
    quiet = watched()
    quiet.observation(Observation("process", 0, {"cpu_percent": 12.0}))
    quiet.progress(state(61))
    styles = {str(span.style) for line in screen_lines(quiet.picture(), 80, 16, 18) for span in line.spans}
    assert styles <= {"bold", "dim", "green"}
    bad = watched()
    bad.progress(state(61, totals={"due": 30_000, "sent": 30_000, "acked": 9_000, "dropped": 7}))
    styles = {str(span.style) for line in screen_lines(bad.picture(), 80, 22, 24) for span in line.spans}
    assert {"red", "yellow"} <= styles  # connections lost; CPU at 93 %


def test_the_newest_events_stay_and_long_ones_are_wrapped() -> None:
    watch = watched(FakeDoor())
    for number in range(50):
        watch.tell(f"event {number} " + "word " * 20)
    shown = lines(watch.picture())
    assert any("event 49" in line for line in shown)
    assert len(shown) <= 22


def test_the_bar() -> None:
    assert phase_bar(state(300), 40).plain == "  measure 5:00/10:00  ━━━━━━━━" + "·" * 8
    assert phase_bar(state(0, phase=RunPhase.CONNECT, phase_done=2140, phase_total=3000), 40).plain.startswith(
        "  connect 2,140/3,000  ━"
    )
    assert phase_bar(state(7, phase_total=0), 40).plain == "  measure 0:07  " + "·" * 22


def test_a_short_load_uses_the_room_of_a_chart() -> None:
    shown = lines(watched(seconds=20).picture(), 200, 48)
    assert any(line.startswith(f"{'':13}{'█' * 60}") for line in shown)


def test_bars_in_rows() -> None:
    assert bar_rows([0, 1, 8, 16], 16, 2) == ["   █", " ▁██"]
    assert bar_rows([0.001], 100, 2) == ["", "▁"]
    assert bar_rows([0, 0], 0, 2) == ["", ""]


def test_of_many_bees_the_lost_and_the_late() -> None:
    bees = [BeeStanding(f"bee-{n}", 5, 1.0, 1.0, n, lost=n == 3) for n in range(40)]
    shown = [line.plain for line in bee_lines(bees, 6, 79)]
    assert [line.split()[0] for line in shown] == ["bee", "bee-3", "bee-37", "bee-38", "bee-39", "and"]
    assert bee_lines([], 6, 79) == []


def test_bees_share_lines_where_there_are_many() -> None:
    bees = [BeeStanding(f"the-bee-of-the-house-{n}", 5000, 10_000.0, 1.0, 1_234_000_000, lost=n == 1) for n in range(5)]
    assert len(bee_lines(bees, 6, 80)) == 6
    head, *shown = [line.plain for line in bee_lines(bees, 4, 80)]
    assert head.split() == ["bee", "clients", "sent", "latest"] * 2
    assert [line.split() for line in shown] == [
        ["the-bee-o…", "5,000", "10,000/s", "1,234", "ms", "the-bee-o…", "lost"],
        ["the-bee-o…", "5,000", "10,000/s", "1,234", "ms"] * 2,
        ["the-bee-o…", "5,000", "10,000/s", "1,234", "ms"],
    ]
    assert max(map(len, (head, *shown))) <= 80
