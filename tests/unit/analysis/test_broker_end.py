"""The end of the broker: when, how, what closed with it, and the sentence on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from malaria.analysis.broker_end import BrokerEnd, broker_end, end_sentence
from malaria.analysis.headline import headline
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.clock import NS_PER_S
from malaria.records.rows import CONNECTION_LOST, Counter, Event, EventKind, Gauge, Observation, Reading, Sample
from malaria.records.run import Run
from synthetic import CONNECT_S, make_run, with_meta

CLIENTS = 201
GONE_S = CONNECT_S + 4
"""The second of run time in which the broker is gone: 0:04 of the load."""
Rows = tuple[tuple[float, Mapping[str, Reading]], ...]
KILLED: Rows = (
    (GONE_S - 0.01, {"cpu_percent": 1.0}),
    (GONE_S + 0.99, {"exit_code": -9}),
    (GONE_S + 0.99, {"gap": "x"}),
)


def gone(rows: Rows = (), back_s: int | None = None, closed: int = CLIENTS) -> Run:
    """A run of 8 s whose connections close in second 4 of the load, and are back at `back_s` of run time."""
    run = make_run(seconds=8, workers=1, clients=CLIENTS)
    samples = tuple(_without_broker(sample, back_s, closed) for sample in run.samples)
    cause = Event(
        (GONE_S + 1) * NS_PER_S, EventKind.TROUBLE, f"{CONNECTION_LOST}the broker closed the connection", "1", 5
    )
    seen = tuple(Observation("process", round(at_s * NS_PER_S), values) for at_s, values in rows)
    assert run.ledger is not None
    ledger = replace(run.ledger, due=270, sent=140, acked=140, expected=140, delivered=140)
    return replace(run, samples=samples, events=(*run.events, cause), observations=seen, ledger=ledger)


def _without_broker(sample: Sample, back_s: int | None, closed: int) -> Sample:
    end_s = sample.end_ns // NS_PER_S
    if end_s <= GONE_S:
        return sample
    is_back = back_s is not None and end_s >= back_s
    gauges = {**sample.gauges, Gauge.CLIENTS_READY: CLIENTS if is_back else CLIENTS - closed}
    counters = dict(sample.counters)
    if end_s == GONE_S + 1:
        counters[Counter.DROPPED] = closed
    if end_s == back_s:
        counters[Counter.RECONNECTS] = closed
    return replace(sample, gauges=gauges, counters=counters)


def sentence(run: Run) -> str:
    end = broker_end(run)
    assert end is not None
    return end_sentence(run, summarize(run), end)


def test_nobody_died() -> None:
    assert broker_end(make_run(seconds=8)) is None


def test_a_killed_broker_is_the_headline() -> None:
    run = gone(KILLED)
    told = headline(summarize(run))
    assert told.outcome is Outcome.FAIL
    assert told.what == (
        "the broker's process ended at 0:04 (signal 9); all 201 connections closed at once; it did not come back; "
        "130 of 270 messages were never sent"
    )
    assert not [text for text in told.further if "still connected" in text or "queue" in text or "were lost" in text]
    assert not [reason.text for reason in summarize(run).verdict.reasons if "observer" in reason.text]


def test_the_exit_code_is_named_or_left_out() -> None:
    code = ((GONE_S - 0.01, {}), (GONE_S + 0.99, {"exit_code": 3}))
    assert "ended at 0:04 (exit code 3); all" in sentence(gone(code))
    unknown = ((GONE_S - 0.01, {}), (GONE_S + 0.99, {"exit_code": None}))
    assert "ended at 0:04; all 201" in sentence(gone(unknown))


def test_one_that_came_back_says_when() -> None:
    run = gone((*KILLED, (GONE_S + 2.0, {"cpu_percent": 1.0, "restarts": 1})), back_s=GONE_S + 3)
    assert "closed at once; it was back at 0:06; at the end 201 of 201 were connected" in sentence(run)
    assert summarize(run).verdict.outcome is Outcome.FAIL
    allowed = summarize(with_meta(run, thresholds=["clients.dropped <= 500"])).verdict
    assert [reason.outcome for reason in allowed.reasons if "ended at 0:04" in reason.text] == [Outcome.PASS]


def test_without_a_process_to_see_the_connections_tell() -> None:
    run = gone()
    assert broker_end(run) == BrokerEnd(round((GONE_S + 0.5) * NS_PER_S), False, None, CLIENTS, CLIENTS, None)
    assert headline(summarize(run)).what.startswith(
        "all 201 connections closed at once at 0:04 (the broker closed the connection); none came back; 130 of 270"
    )


def test_some_connections_are_not_all() -> None:
    assert broker_end(gone(closed=CLIENTS - 1)) is None
    assert "200 of 201 connections closed at once" in sentence(gone(KILLED, closed=CLIENTS - 1))


def test_the_machine_that_was_late_does_not_hide_a_dead_broker() -> None:
    run = with_meta(gone(KILLED), own_lag_limit_ns=1)
    assert summarize(run).verdict.outcome is Outcome.FAIL


def test_a_broker_of_ours_has_its_last_line() -> None:
    word = "mosquitto ended with exit code 1; its last line: Error: out of memory"
    run = gone(KILLED)
    run = replace(run, events=(*run.events, Event(GONE_S * NS_PER_S, EventKind.BROKER, word)))
    assert sentence(run).startswith(f"{word} (at 0:04); all 201 connections closed")


def test_messages_that_never_left_stand_beside_the_lost_ones() -> None:
    assert summarize(gone(KILLED)).messages.never_sent == 130
    assert summarize(make_run(seconds=8)).messages.never_sent == 0


def test_all_connections_that_closed_and_came_back_count_against_the_broker() -> None:
    verdict = summarize(gone(back_s=GONE_S + 2)).verdict
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reasons[0].text.startswith("all 201 connections closed at once at 0:04")
