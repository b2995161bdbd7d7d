"""What is marked on the time axis."""

from __future__ import annotations

from dataclasses import replace

from malaria.records.rows import EXIT_CODE, Event, EventKind, Observation, Reading, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.report.charts.event_marks import RESTARTED, gathered, marks

S = 10**9


def run(observer: str, *rows: dict[str, Reading]) -> Run:
    observations = [Observation(observer, n * S, row) for n, row in enumerate(rows, 1)]
    return Run(RunMeta.model_validate({}), (), (), None, tuple(observations))


def test_phases_are_no_marks() -> None:
    events = (Event(1, EventKind.PHASE, "measure"), Event(2, EventKind.SURGE, "+500 clients"))
    assert [mark.text for mark in marks(Run(RunMeta.model_validate({}), (), events, None))] == ["+500 clients"]


def test_a_process_that_is_another_one_was_started_anew() -> None:
    records = run("process", {"restarts": 0}, {"restarts": 0}, {"restarts": 1}, {"restarts": 1}, {"restarts": 2})
    assert [(mark.at_ns, mark.text) for mark in marks(records)] == [(3 * S, RESTARTED), (5 * S, RESTARTED)]


def test_a_process_that_ended_is_a_mark_unless_an_event_says_so() -> None:
    ended = run("process", {"cpu_percent": 3}, {EXIT_CODE: -9})
    ended = replace(ended, samples=(Sample("1", 0, 3 * S, RunPhase.MEASURE),))
    (mark,) = marks(ended)
    assert (mark.text, mark.kind) == ("the broker's process ended (signal 9)", EventKind.BROKER)
    assert S <= mark.at_ns <= 2 * S
    told = Event(2 * S, EventKind.BROKER, "mosquitto ended (signal 9)")
    assert marks(replace(ended, events=(told,))) == [told]


def test_or_its_uptime_says_so() -> None:
    assert [mark.at_ns for mark in marks(run("sys", {"uptime_s": 30}, {"heap_bytes": 1}, {"uptime_s": 2}))] == [3 * S]


def test_one_restart_is_one_mark() -> None:
    both = run("process", {"restarts": 0}, {"restarts": 1})
    said = run("sys", {"uptime_s": 30}, {"uptime_s": 2}).observations
    assert len(marks(replace(both, observations=(*both.observations, *said)))) == 1


def test_marks_near_each_other_share_a_line() -> None:
    told = [
        Event(10, EventKind.SURGE, "−500 clients"),
        Event(11, EventKind.SURGE, "+1,000 clients"),
        Event(12, EventKind.TROUBLE, "refused"),
        Event(13, EventKind.TROUBLE, "refused"),
        Event(99, EventKind.SURGE, "−1,000 clients"),
    ]
    assert [(mark.text, mark.kind) for mark in gathered(told, 5)] == [
        ("−500 clients, +1,000 clients, refused", EventKind.TROUBLE),
        ("−1,000 clients", EventKind.SURGE),
    ]
