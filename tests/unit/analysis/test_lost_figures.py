"""Figures of a damaged run: what stands on lost rows is unknown, the rest is as it was, and the verdict is UNKNOWN."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

import pytest

from malaria.analysis.outcome import Outcome
from malaria.analysis.series import columns
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import RateFigures
from malaria.clock import NS_PER_S
from malaria.records.rows import Observation
from malaria.records.run import Run
from malaria.records.store import FILE, RunWriter, open_run
from synthetic import make_run, with_meta

SECONDS: Final = 6
RECORDS: Final = make_run(seconds=SECONDS, clients=60)
STATEMENTS: Final = {
    "sample": "UPDATE sample SET phase = 'lunch' WHERE id = 9",
    "histogram": "UPDATE histogram SET packed = x'00' WHERE rowid = 9",
    "observation": "UPDATE observation SET at_ns = -1 WHERE rowid = 2",
    "event": "UPDATE event SET kind = 'party' WHERE rowid = 2",
    "ledger": "UPDATE ledger SET totals = '[]'",
    "title": "UPDATE meta SET value = '1' WHERE key = 'title'",
    "measure_start_ns": "UPDATE meta SET value = 'true' WHERE key = 'measure_start_ns'",
}
OVER_TIME: Final = {
    "duration_s",
    "clients",
    "rates",
    "latency_ms",
    "broker",
    "generator",
    "steady",
    "surges",
    "recovery",
}
CHANGED: Final = {
    "sample": OVER_TIME,
    "histogram": {"latency_ms", "steady", "surges", "recovery"},
    "observation": {"broker", "steady", "surges", "recovery"},
    "event": set(),
    "ledger": {"messages"},
    "title": set(),
    "measure_start_ns": OVER_TIME,
}
"""Keys of the summary that may differ from that of the sound run."""


def damaged(directory: Path, statement: str) -> Run:
    seen = tuple(
        Observation("process", second * NS_PER_S, {"cpu_percent": 50.0, "rss_bytes": 1000})
        for second in range(-1, SECONDS + 4)
        if second >= 0
    )
    with RunWriter.create(directory) as writer:
        writer.describe(RECORDS.meta)
        writer.append(RECORDS.samples)
        for event in RECORDS.events:
            writer.event(event)
        for observation in seen:
            writer.observe(observation)
        assert RECORDS.ledger is not None
        writer.ledger(RECORDS.ledger)
    if statement:
        database = sqlite3.connect(directory / FILE)
        assert database.execute(statement).rowcount == 1
        database.commit()
        database.close()
    return open_run(directory)


def numbers(value: Any) -> list[object]:
    """Return every figure below a key of the summary."""
    if isinstance(value, dict):
        return [number for each in value.values() for number in numbers(each)]
    return [number for each in value for number in numbers(each)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("what", STATEMENTS)
def test_figures_on_lost_rows_are_null_and_the_others_are_kept(tmp_path: Path, what: str) -> None:
    sound = summarize(damaged(tmp_path / "sound", "")).as_json()
    assert sound["verdict"]["outcome"] == "PASS"
    run = damaged(tmp_path / "damaged", STATEMENTS[what])
    summary = summarize(run)
    assert summary.verdict.outcome is Outcome.UNKNOWN
    assert summary.verdict.reasons[0].text.startswith("run.db is damaged: 1 ")
    found = summary.as_json()
    for key in sound.keys() - {"verdict", "headline"} - CHANGED[what]:
        assert found[key] == sound[key], key
    assert found["broker"]["version"] == sound["broker"]["version"]
    found["broker"]["version"] = None
    for key in CHANGED[what] - {"clients", "generator", "messages", "surges"}:
        assert not [number for number in numbers(found[key]) if number], key


def test_planned_clients_and_the_settled_account_survive_lost_samples(tmp_path: Path) -> None:
    found = summarize(damaged(tmp_path, STATEMENTS["sample"])).as_json()
    assert {name: value for name, value in found["clients"].items() if value is not None} == {"planned": 60}
    assert found["messages"] == summarize(RECORDS).as_json()["messages"]
    assert found["generator"]["workers"] == summarize(RECORDS).generator.workers


def test_without_the_account_only_what_was_counted_is_known(tmp_path: Path) -> None:
    sound = summarize(RECORDS).messages
    found = summarize(damaged(tmp_path, STATEMENTS["ledger"])).messages
    assert (found.due, found.sent, found.acked) == (sound.due, sound.sent, sound.acked)
    assert (found.expected, found.delivered, found.lost, found.unresolved) == (None, None, None, None)


def test_a_second_that_lost_a_sample_or_a_histogram_is_a_gap(tmp_path: Path) -> None:
    sound = columns(damaged(tmp_path / "sound", ""))
    lost_sample = columns(damaged(tmp_path / "sample", STATEMENTS["sample"]))
    assert [now == then for now, then in zip(lost_sample["acked_per_s"], sound["acked_per_s"], strict=True)].count(
        False
    ) == 1
    lost_histogram = columns(damaged(tmp_path / "histogram", STATEMENTS["histogram"]))
    assert lost_histogram["acked_per_s"] == sound["acked_per_s"]
    gaps = [
        (now, then) for now, then in zip(lost_histogram["ack_p50_ms"], sound["ack_p50_ms"], strict=True) if now != then
    ]
    assert len(gaps) == 1
    assert gaps[0][0] is None


def test_rates_of_a_counted_load_are_unknown_without_its_histograms(tmp_path: Path) -> None:
    """They are counts of latencies."""
    run = damaged(tmp_path, STATEMENTS["histogram"])
    assert summarize(run).rates.acked_per_s
    counted = with_meta(
        run, first_due_ns=run.meta.measure_start_ns, last_done_ns=run.meta.measure_end_ns, duration_planned_s=None
    )
    assert summarize(counted).rates.as_json() == RateFigures().as_json()
