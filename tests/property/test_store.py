"""Any records survive the store; any damage gives records or a RunError."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from malaria.errors import RunError
from malaria.records.histogram import Histogram
from malaria.records.rows import (
    Counter,
    Event,
    EventKind,
    Gauge,
    LedgerTotals,
    Metric,
    Observation,
    RunPhase,
    Sample,
    storable,
)
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.records.store import FILE, FORMAT, RunWriter, open_run

counts = st.integers(0, 2**63 - 1)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
maybe = st.none() | counts


def packed_histogram(values_ns: list[int]) -> bytes:
    histogram = Histogram()
    for value_ns in values_ns:
        histogram.record(value_ns)
    return histogram.to_bytes()


packed = st.lists(st.integers(0, 2**42), max_size=3).map(packed_histogram)

samples = st.builds(
    lambda worker, times, phase, counters, gauges, histograms: Sample(
        worker, min(times), max(times), phase, counters, gauges, histograms
    ),
    texts,
    st.tuples(counts, counts),
    st.sampled_from(RunPhase),
    st.dictionaries(st.sampled_from([c.value for c in Counter]), counts, max_size=4),
    st.dictionaries(st.sampled_from([g.value for g in Gauge]), counts, max_size=4),
    st.dictionaries(st.sampled_from([m.value for m in Metric]), packed, max_size=3),
)
events = st.builds(Event, counts, st.sampled_from(EventKind), texts, texts, counts)
readings = (st.none() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | texts).map(
    storable
)
observations = st.builds(Observation, texts, counts, st.dictionaries(texts, readings, max_size=4))
ledgers = st.builds(LedgerTotals, *[maybe] * 10, notes=st.lists(texts, max_size=2).map(tuple))
json_values = st.recursive(
    st.booleans() | counts | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
metas = st.dictionaries(texts.map("x-".__add__), json_values, max_size=3)


def write(directory: Path, records: Run) -> None:
    with RunWriter.create(directory) as writer:
        writer.describe(records.meta)
        writer.append(records.samples)
        for event in records.events:
            writer.event(event)
        for observation in records.observations:
            writer.observe(observation)
        if records.ledger is not None:
            writer.ledger(records.ledger)


@settings(max_examples=40, deadline=None)
@given(
    metas,
    st.lists(samples, max_size=4),
    st.lists(events, max_size=4),
    st.none() | ledgers,
    st.lists(observations, max_size=4),
)
def test_records_survive(
    meta: dict[str, object],
    taken: list[Sample],
    marks: list[Event],
    ledger: LedgerTotals | None,
    seen: list[Observation],
) -> None:
    marks.sort(key=lambda event: event.at_ns)
    seen.sort(key=lambda observation: observation.at_ns)
    records = Run(RunMeta.model_validate(meta | {"format": FORMAT}), tuple(taken), tuple(marks), ledger, tuple(seen))
    with tempfile.TemporaryDirectory() as directory:
        write(Path(directory), records)
        assert open_run(Path(directory)) == records


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**16), st.binary(min_size=1, max_size=64)), min_size=1, max_size=5))
def test_damage_gives_records_or_a_run_error(damage: list[tuple[int, bytes]]) -> None:
    sample = Sample("1", 0, 10**9, RunPhase.MEASURE, {"due": 3}, {"cpu_ns": 7}, {"ack": packed_histogram([5000])})
    records = Run(RunMeta.model_validate({"title": "x"}), (sample,) * 3, (Event(1, EventKind.PHASE, "measure"),), None)
    with tempfile.TemporaryDirectory() as directory:
        write(Path(directory), records)
        path = Path(directory) / FILE
        content = bytearray(path.read_bytes())
        for place, noise in damage:
            content[place % len(content) : place % len(content) + len(noise)] = noise
        path.write_bytes(content)
        with suppress(RunError):
            open_run(Path(directory))
