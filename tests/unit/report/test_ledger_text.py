"""The sums add up, and every other counter that is not zero has its sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from malaria.analysis.figure_names import LABELS
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import MessageFigures
from malaria.records.rows import Counter, Observation, Sample
from malaria.report.definitions import COUNTERS, DEFINITIONS
from malaria.report.ledger_text import (
    BROKER_DROPPED,
    MOST_CAUSES,
    NO_LEDGER,
    AccountLine,
    counted,
    deliveries,
    ledger_notes,
    published,
)
from synthetic import make_run, with_meta


def adds_up(entries: list[AccountLine]) -> bool:
    return sum(entry.number for entry in entries[:-1]) == entries[-1].number and entries[-1].sign == "="


@pytest.mark.parametrize("trouble", [None, "falls-behind", "unfinished", "generator-limit"])
def test_what_is_shown_adds_up(trouble: Any) -> None:
    messages = summarize(make_run(trouble=trouble))["messages"]
    assert adds_up(published(messages))
    assert adds_up(deliveries(messages))


def test_what_was_not_sent_is_part_of_the_sum() -> None:
    entries = published(MessageFigures(due=10, sent=7, acked=4))
    assert [entry.number for entry in entries] == [4, 3, 3, 10]
    assert published(MessageFigures()) == []


def test_what_owed_no_answer_is_not_shown_as_missing() -> None:
    at_qos_0 = published(MessageFigures(due=10, sent=10, acked=4, unacked=0))[1].sentence
    assert "None of them was owed one: QoS 0 has no answer" in at_qos_0
    assert "2 of them were owed one" in published(MessageFigures(due=10, sent=10, acked=4, unacked=2))[1].sentence
    for unacked in (6, None):
        assert published(MessageFigures(due=10, sent=10, acked=4, unacked=unacked))[1].sentence.endswith("drain ended.")


def test_what_cannot_be_known_is_said_in_words() -> None:
    run = make_run(trouble="lost-worker")
    assert any("A worker was lost" in note for note in ledger_notes(run))
    assert deliveries(dict(summarize(run))["messages"]) == []
    assert ledger_notes(replace(run, ledger=None)) == (NO_LEDGER,)


def test_every_counter_that_is_not_zero_is_explained() -> None:
    run = with_meta(make_run(), connect_failures={"<refused>": 3})
    extra = Sample("1", 0, 1, run.samples[0].phase, {Counter.CLAMPED_LOW: 2})
    run = replace(run, samples=(*run.samples, extra))
    assert counted(run) == [
        ("clamped low", "2", COUNTERS["clamped_low"]),
        ("clients that could not connect", "3", "<refused>"),
    ]


def test_the_commonest_reasons_are_listed_and_the_others_counted() -> None:
    failures = {f"reason {number}": number for number in range(1, MOST_CAUSES + 6)}
    run = with_meta(make_run(), connect_failures=failures)
    rows = counted(run)
    assert len(rows) == MOST_CAUSES + 1
    assert rows[0][1:] == (str(MOST_CAUSES + 5), f"reason {MOST_CAUSES + 5}")
    assert rows[-1][:2] == ("more reasons", "5")


def test_what_the_broker_says_it_dropped_is_counted() -> None:
    rows = [Observation("sys", at_s * 10**9, {"publish_dropped": dropped}) for at_s, dropped in ((1, 3), (34, 10))]
    run = replace(make_run(), observations=tuple(rows))
    assert counted(run) == [("dropped by the broker", "7", BROKER_DROPPED)]


def test_every_name_in_the_tables_is_a_counter_or_a_figure() -> None:
    assert set(COUNTERS) <= {counter.value for counter in Counter}
    assert set(LABELS) <= set(DEFINITIONS)
