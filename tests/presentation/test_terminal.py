"""What the terminal shows while an attack runs, and what its golden texts do not say."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from malaria.analysis.summary import summarize
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.histogram import Histogram
from malaria.records.rows import Event, EventKind, Gauge, LastSecond, Metric, Progress, RunPhase
from malaria.report.terminal.live_view import LiveView
from malaria.report.terminal.run_summary import print_summary
from synthetic import Course, make_run, with_meta


def shown(trouble: str | None, **meta: object) -> str:
    run = with_meta(make_run(trouble=trouble), **meta)  # type: ignore[arg-type]
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, color_system=None)
    print_summary(run, summarize(run), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_surges_did_stands_in_a_line_each() -> None:
    course = Course([100] * 60, ack_ms=[2.0] * 30 + [900.0] * 8 + [2.0] * 22, surges=[(1500, 10, 15), (50, 30, 36)])
    run = course.run()
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, color_system=None)
    print_summary(run, summarize(run), console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert "  surge      +1,500 at 0:10  held · recovered at once" in lines
    assert "             +50 at 0:30  bent · recovered after 2 s" in lines
    assert any("held +1,500 clients at 0:10" in line for line in lines)
    assert any("+50 clients at 0:30: the broker bent" in line for line in lines)
    assert len(lines) <= 23
    summary = summarize(run)
    many = replace(summary, surges=summary.surges * 3)
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, color_system=None)
    print_summary(run, many, console)
    assert "(4 more surges on the page)" in console.file.getvalue()


def test_the_way_in_is_told_in_its_parts() -> None:
    run = make_run()
    first, *rest = run.samples
    taken = {Metric.TCP: 1, Metric.TLS: 12, Metric.CONNACK: 60}
    histograms = {metric.value: one_value(ms * NS_PER_MS) for metric, ms in taken.items()}
    first = replace(first, histograms=dict(first.histograms) | histograms)
    run = replace(run, samples=(first, *rest))
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, color_system=None)
    print_summary(run, summarize(run), console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.startswith("  connect "))
    assert lines[place + 1] == "   parts p50 TCP 1.0 ms   TLS 12 ms   CONNACK 60 ms"
    assert "parts p50" not in shown(None), "a plain way in has nothing to tell apart"


def one_value(ns: int) -> bytes:
    histogram = Histogram()
    histogram.record(ns)
    return histogram.to_bytes()


def test_nothing_from_outside_is_taken_for_markup() -> None:
    text = shown(None, broker={"version": "[red]evil[/red] mosquitto"})
    assert "[red]evil[/red] mosquitto" in text


SECOND = LastSecond(0, NS_PER_S, RunPhase.MEASURE, {"due": 500, "sent": 500, "acked": 498})
LOST = Event(2 * NS_PER_S, EventKind.LOST, "worker 2 was killed by SIGKILL")
RUNNING = Progress(
    at_ns=2 * NS_PER_S,
    phase=RunPhase.MEASURE,
    phase_done=12 * NS_PER_S,
    phase_total=600 * NS_PER_S,
    clients_planned=3000,
    due_per_s=500.0,
    totals={"due": 6000, "sent": 6000, "acked": 5990},
    gauges={Gauge.CLIENTS_READY: 3000, Gauge.INFLIGHT: 10},
    second=SECOND,
    latency_ms={"ack": {"p50": 1.2, "p99": 4.8, "max": 38.0}},
    second_latency_ms={"ack": {"p50": 1.1, "p99": 4.1, "max": 12.0}},
    events=(LOST,),
)


def live(terminal: bool, quiet: bool = False) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal, color_system=None)
    with LiveView("malaria attack mqtt://broker", "3,000 clients", console, quiet) as view:
        for at_ns in (RUNNING.at_ns, RUNNING.at_ns + NS_PER_S // 5):
            view.update(Progress(**{name: getattr(RUNNING, name) for name in Progress.__slots__} | {"at_ns": at_ns}))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_tty_a_plain_line_a_second() -> None:
    lines = live(terminal=False).splitlines()
    assert sum("measure 0:12/10:00" in line for line in lines) == 1
    (told,) = [line for line in lines if "measure" in line]
    assert "acked 498/s" in told
    assert "target 500/s" in told
    assert any("worker 2 was killed by SIGKILL" in line for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_on_a_tty_it_redraws_in_place() -> None:
    text = live(terminal=True)
    assert "\x1b[" in text
    for words in ("measure 0:12/10:00", "3,000 of 3,000", "498/s", "4.8 ms", "worker 2 was killed"):
        assert words in text


def test_quiet_shows_nothing() -> None:
    assert live(terminal=True, quiet=True) == ""
