"""The lines of a log, and the block of a terminal, while an attack runs."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

import load_states
from load_states import START_NS, TITLE, second_at
from malaria.clock import NS_PER_S
from malaria.records.rows import Counter, Event, EventKind, Progress, RunPhase
from malaria.report.terminal.live_block import LiveCourse, LivePicture, is_behind, live_block, sparkline
from malaria.report.terminal.live_view import LiveView, line


def state(at_s: float, **change: Any) -> Progress:
    """The state of a load whose broker acknowledges all at once, with the CPU of its host."""
    at_ns = START_NS + round(at_s * NS_PER_S)
    second = second_at(at_ns, {"due": 500, "sent": 500, "acked": 500})
    return load_states.state(at_s, **({"second": second, "target_percent": {"broker": 71.0, "host": 38.0}} | change))


def test_the_clock_of_a_log_is_that_of_the_load() -> None:
    assert line(state(12.3)).strip().startswith("0:12 ")
    assert line(state(-2.5)).strip().startswith("−0:03")
    assert (
        line(state(0, load_start_ns=None, phase=RunPhase.CONNECT, phase_done=7)).strip().startswith("before  connect")
    )


def test_a_log_has_a_line_a_second_for_ten_seconds_and_then_one_every_ten() -> None:
    console = Console(file=io.StringIO(), width=80)
    with LiveView(TITLE, "load", console) as view:
        for tick in range(-3 * 5, 35 * 5 + 1):
            view.update(state(tick / 5))
    assert isinstance(console.file, io.StringIO)
    clocks = [text.split()[0] for text in console.file.getvalue().splitlines()[2:]]
    before = ["−0:03", "−0:02", "−0:01"]
    assert clocks == before + [f"0:0{second}" for second in range(10)] + ["0:10", "0:20", "0:30"]


def test_a_log_shows_every_event_and_every_new_phase_at_once() -> None:
    console = Console(file=io.StringIO(), width=80)
    lost = Event(START_NS + 25 * NS_PER_S, EventKind.LOST, "worker 2 was killed by SIGKILL")
    with LiveView(TITLE, "load", console) as view:
        for second in range(26):
            view.update(state(second))
        view.update(state(25.2, events=(lost,)))
        view.update(state(25.4, phase=RunPhase.DRAIN, phase_done=0, phase_total=10 * NS_PER_S))
    assert isinstance(console.file, io.StringIO)
    *_, event, drain = console.file.getvalue().splitlines()
    assert event.strip() == "0:25  worker 2 was killed by SIGKILL"
    assert drain.split()[:3] == ["0:25", "drain", "0:00/0:10"]


def test_the_log_tells_how_it_goes_and_what_the_broker_uses() -> None:
    assert line(state(12)).endswith("broker CPU 71 %  host CPU 38 %  so far: on target")


@pytest.mark.parametrize(
    ("at_s", "phase", "target"),
    [(-1, RunPhase.MEASURE, ""), (0, RunPhase.MEASURE, "  target 500/s"), (-1, RunPhase.WARMUP, "  target 500/s"),
     (31, RunPhase.DRAIN, ""), (32, RunPhase.FINISH, "")],
)  # fmt: skip
def test_outside_of_the_load_nothing_is_due(at_s: float, phase: RunPhase, target: str) -> None:
    """Nor is there a target: `sent 500/s  target 0.0/s` would set the last second of the load against what is now."""
    progress = state(at_s, phase=phase, totals={"due": 500})
    assert f"  sent 500/s  acked 500/s{target}  ack p50" in line(progress)
    assert progress.due_now_per_s == (500 if target else 0)


def test_where_some_are_at_qos_0_the_broker_does_not_answer_all_that_is_due() -> None:
    at_ns = START_NS + 12 * NS_PER_S
    second = second_at(at_ns, {"due": 500, "sent": 500, "acked": 200})
    (acked,) = [text for text in drawn(80, 24, state(12, second=second, acknowledged=False)) if "  acked  " in text]
    assert "500/s" not in acked
    assert not is_behind(state(12, second=second, acknowledged=False), Counter.ACKED)
    assert is_behind(state(12, second=second), Counter.ACKED)


def drawn(width: int, height: int, progress: Progress, events: tuple[Event, ...] = (), note: str = "") -> list[str]:
    course = LiveCourse()
    for second in range(20):
        course.add(state(second))
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(live_block(LivePicture(TITLE, "Ctrl-C: end it", progress, events, course, note), width, height))
    assert isinstance(console.file, io.StringIO)
    return [text.rstrip() for text in console.file.getvalue().splitlines()]


def test_a_pause_shows_in_the_course() -> None:
    course = LiveCourse()
    quiet = replace(state(7).second, per_s={}, end_ns=state(8).second.end_ns)
    for progress in (state(7), replace(state(8), second=quiet), state(9)):
        course.add(progress)
    assert list(course.dues) == [500, 0, 500]


MANY_EVENTS = tuple(
    Event(START_NS + n * NS_PER_S, EventKind.LOST, f"thing {n} happened to worker {n}") for n in range(9)
)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_the_block_fits_the_terminal(width: int, height: int) -> None:
    lines = drawn(width, height, state(12), MANY_EVENTS)
    assert len(lines) < height
    assert all(len(text) <= width for text in lines)
    shown = "\n".join(lines)
    for words in (
        "measure 0:12/10:00", "so far: on target", "CPU 71 % of a core   host CPU 38 %", "generator memory 84 MB",
        "acked/s    ████████████████████   most 500/s", "0:08  thing 8 happened to worker 8", "Ctrl-C: end it",
        "3,000 of 3,000", "end to end", "p99 so far",
    ):  # fmt: skip
        assert words in shown
    assert "…" not in shown


@pytest.mark.parametrize(("width", "height"), [(80, 18), (80, 24), (200, 50)])
def test_the_block_ends_with_the_note_and_the_hint(width: int, height: int) -> None:
    note = "live page  http://127.0.0.1:7654  (token: first line)"
    block = drawn(width, height, state(12), MANY_EVENTS, note=note)
    assert block[-1] == "  Ctrl-C: end it"
    assert (block[-2] == f"  {note}") is (height > 18)  # a terminal that is too small does without


def test_a_wide_terminal_has_figures_and_latencies_side_by_side() -> None:
    (heads,) = [text for text in drawn(200, 50, state(12)) if "last second" in text]
    assert "p99 so far" in heads


def test_no_line_breaks_inside_a_word() -> None:
    words = TITLE.split()
    assert [word for text in drawn(80, 24, state(12))[:2] for word in text.split()] == words


def test_a_sparkline_goes_from_zero_to_the_largest() -> None:
    assert sparkline([0, 250, 500], 10) == "▁▅█"
    assert sparkline(range(100), 3) == "███"
    assert sparkline([0, 0], 5) == "▁▁"
