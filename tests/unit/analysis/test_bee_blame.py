"""The bee that was at fault is named, and the others are not."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from malaria.analysis.bee_blame import latest_worker, missing_of_one_bee
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.records.histogram import Histogram
from malaria.records.rows import CONNECTION_LOST, Counter, Event, EventKind, Gauge, Metric, Sample
from malaria.records.run import Run
from synthetic import made_by_bees, make_run, with_meta

GOOD = made_by_bees(make_run(seconds=12, clients=600))
MS = 10**6
NO_ROUTE = "no route to the host"


def late_by(ms: int) -> bytes:
    histogram = Histogram()
    histogram.record_many(np.full(100, ms * MS, np.int64))
    return histogram.to_bytes()


def changed(records: Run, worker: str, **changes: object) -> Run:
    """Return the run with other gauges, counters or histograms of one worker."""

    def change(sample: Sample) -> Sample:
        if sample.worker != worker:
            return sample
        merged = {name: {**getattr(sample, name), **value} for name, value in changes.items()}  # type: ignore[dict-item]
        return replace(sample, **merged)  # type: ignore[arg-type]

    return replace(records, samples=tuple(change(sample) for sample in records.samples))


def with_ready(ready: int) -> Run:
    """The second bee has so many of its 300 clients."""
    facts = [
        {"worker": "bee-1/1", "clients": 300, "connect_failures": {}},
        {"worker": "bee-2/1", "clients": 300, "connect_failures": {NO_ROUTE: 300 - ready}},
    ]
    run = made_by_bees(make_run(seconds=12, clients=600), worker_facts=facts, connect_failures={NO_ROUTE: 300 - ready})
    return changed(run, "bee-2/1", gauges={Gauge.CLIENTS_READY: ready})


def reasons(records: Run) -> list[tuple[Outcome, str]]:
    return [(reason.outcome, reason.text) for reason in summarize(records).verdict.reasons]


def test_the_bee_that_was_late_is_named_and_not_the_busiest_worker() -> None:
    late = changed(GOOD, "bee-2/1", histograms={Metric.OWN_LAG: late_by(8147)})
    latest = latest_worker(late)
    assert latest is not None
    assert (latest.worker, latest.host, round(latest.p99_ns / MS, -1)) == ("bee-2/1", "bee-2", 8150)
    (outcome, text), *_ = reasons(late)
    assert outcome is Outcome.INVALID
    assert text.startswith("bee-2 was the limit: messages left 8,1")
    assert "though its workers had CPU to spare" in text


def test_within_the_bound_the_worker_that_was_full_is_named() -> None:
    """Worker 1 was later, with a core of its own to spare; it is worker 2 that was at its limit."""
    full = with_meta(make_run(seconds=12, trouble="generator-limit"), own_lag_limit_ns=1000 * MS)
    idle = changed(full, "1", gauges={Gauge.CPU_NS: 0}, histograms={Metric.OWN_LAG: late_by(300)})
    (outcome, text), *_ = reasons(idle)
    assert outcome is Outcome.INVALID
    assert re.fullmatch(
        r"this machine was the limit: messages left \S+ ms late \(p99\), worker 2 used \d+ % of a core", text
    )


def test_one_host_is_this_machine() -> None:
    (_, text), *_ = reasons(make_run(seconds=12, trouble="generator-limit"))
    assert text.startswith("this machine was the limit: messages left")


def test_clients_that_cannot_connect_are_said_to_be_those_of_one_bee() -> None:
    found = reasons(with_ready(290))
    assert found[0] == (
        Outcome.FAIL,
        "10 of 600 clients could not connect: no route to the host; all 10 are bee-2's: "
        "is there a way from it to the broker?",
    )


def test_a_bee_that_reaches_no_broker_makes_the_run_invalid() -> None:
    found = reasons(with_ready(0))
    assert found[0] == (
        Outcome.INVALID,
        "bee-2 was the limit: none of the 300 clients of bee-2 could connect: no route to the host",
    )
    assert "all 300 are bee-2's" in found[1][1]


def test_clients_missing_of_two_bees_are_nobodys() -> None:
    assert missing_of_one_bee(changed(with_ready(290), "bee-1/1", gauges={Gauge.CLIENTS_READY: 280})) is None
    assert missing_of_one_bee(GOOD) is None
    assert missing_of_one_bee(make_run(seconds=12, clients=600)) is None


def test_lost_connections_of_one_bee_are_said_to_be_its() -> None:
    def lost(worker: str) -> Event:
        return Event(5 * 10**9, EventKind.TROUBLE, f"{CONNECTION_LOST}reset by the broker", worker, 3)

    dropped = changed(GOOD, "bee-2/1", counters={Counter.DROPPED: 1})
    count = sum(sample.counters.get(Counter.DROPPED, 0) for sample in dropped.samples)
    (_, text), *_ = reasons(replace(dropped, events=(*GOOD.events, lost("bee-2/1"))))
    assert text == f"{count} connections were lost: reset by the broker; all {count} are bee-2's"
    (_, text), *_ = reasons(replace(dropped, events=(*GOOD.events, lost("bee-2/1"), lost("bee-1/1"))))
    assert "all" not in text


def test_a_shortage_is_that_of_the_bee_that_had_it() -> None:
    ports = "no free local port (or source address) for this target"
    facts = [
        {"worker": "bee-1/1", "clients": 300, "connect_failures": {}},
        {"worker": "bee-2/1", "clients": 300, "connect_failures": {ports: 5}},
    ]
    run = made_by_bees(make_run(seconds=12, clients=600), worker_facts=facts, own_shortages={ports: 5})
    assert reasons(run)[0][1] == f"bee-2 delayed connects: 5 clients had to try again: {ports}"
