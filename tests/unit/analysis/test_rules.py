"""Our own rules, what replaces them, and how a broken one is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from malaria.analysis.rules import DEFAULTS, unmet_rules
from malaria.analysis.summary_figures import ClientFigures, MessageFigures, RateFigures, SteadyFigures, Summary
from malaria.analysis.thresholds import Ruling
from malaria.clock import NS_PER_S as S
from malaria.model.threshold import parse_threshold_text
from malaria.records.rows import RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import HELD, with_figures

QOS_0 = {"acknowledged": False}
ACKED_LOST = "5 of 1,000 deliveries were lost, 2 of them acknowledged by the broker"
META = {"publishing": True, "closed_loop": False, "acknowledged": True, "subscribing": True}


def summary(**figures: dict[str, Any]) -> Summary:
    base = Summary(
        clients=ClientFigures(planned=100, connected=100, connected_peak=100, dropped=0),
        messages=MessageFigures(unresolved=0, lost=0, acked_lost=0, expected=1000),
        rates=RateFigures(due_per_s=500.0, sent_per_s=500.0, acked_per_s=500.0),
    )
    return with_figures(base, **figures)


def texts(meta: dict[str, object], figures: Summary) -> list[str]:
    return [ruled.text for ruled in unmet_rules(Run(RunMeta.model_validate(meta), (), (), None), figures)]


def test_every_default_can_be_read() -> None:
    for text, needs in DEFAULTS:
        assert str(parse_threshold_text(text)) == text
        assert set(needs) <= {*META, "crowd_changes"}


def test_a_good_run_meets_them_all() -> None:
    assert texts(dict(META), summary()) == []


@pytest.mark.parametrize(
    ("facts", "figures", "said"),
    [
        ({}, {"clients": {"connected": 90, "connected_peak": 90}}, "10 of 100 clients could not connect"),
        ({}, {"clients": {"connected": 90}}, "only 90 of 100 clients were still connected at the end"),
        ({}, {"rates": {"acked_per_s": 431.0}}, "the broker fell behind: acked 431 of 500 msg/s (86.2 %, needs 98 %)"),
        (QOS_0, {"rates": {"sent_per_s": 400.0}}, "the broker took only 400 of 500 msg/s (80 %, needs 98 %)"),
        ({}, {"messages": {"lost": 5}}, "5 of 1,000 deliveries were lost"),
        ({}, {"messages": {"lost": 5, "acked_lost": 2}}, ACKED_LOST),
        ({}, {"messages": {"unresolved": 1204}}, "1,204 messages were neither acknowledged nor delivered"),
        ({}, {"clients": {"dropped": 3}}, "3 connections were lost"),
        ({}, {"clients": {"dropped": 1}}, "1 connection was lost"),
        ({}, {"messages": {"unresolved": 1}}, "1 message was neither acknowledged nor delivered"),
        ({}, {"messages": {"lost": 1}}, "1 of 1,000 deliveries was lost"),
    ],
)  # fmt: skip
def test_a_broken_default_in_words(facts: dict[str, Any], figures: dict[str, Any], said: str) -> None:
    assert texts(META | facts, summary(**figures)) == [said]


@pytest.mark.parametrize(
    ("seconds", "acked_per_s", "told"),
    [
        (2, 465.0, False),  # 1,000 due: 2 % may be missing, and 50 be under way
        (2, 464.0, True),
        (60, 489.2, False),
        (60, 489.0, True),  # the same 50 are little in a minute
    ],
)
def test_what_is_under_way_at_the_end_is_no_backlog(seconds: int, acked_per_s: float, told: bool) -> None:
    sample = Sample("1", S, (1 + seconds) * S, RunPhase.MEASURE, {}, {}, {})
    records = Run(
        RunMeta.model_validate(META | {"measure_start_ns": S, "measure_end_ns": (1 + seconds) * S}), (sample,), (), None
    )
    assert bool(unmet_rules(records, summary(rates={"acked_per_s": acked_per_s}))) is told


def test_of_a_few_messages_one_may_be_under_way() -> None:
    sample = Sample("1", 0, 2 * S, RunPhase.MEASURE, {}, {}, {})
    records = Run(RunMeta.model_validate(META | {"measure_start_ns": 0, "measure_end_ns": 2 * S}), (sample,), (), None)
    assert unmet_rules(records, summary(rates={"due_per_s": 10.0, "acked_per_s": 9.31})) == []
    assert unmet_rules(records, summary(rates={"due_per_s": 10.0, "acked_per_s": 9.29})) != []


def test_beside_surges_the_steady_seconds_count() -> None:
    meta = META | {"surges": [{}]}
    surging = replace(summary(), surges=(HELD,), steady=SteadyFigures(seconds=4, due_per_s=500.0, acked_per_s=478.0))
    assert unmet_rules(Run(RunMeta.model_validate(meta), (), (), None), surging) == []
    slower = with_figures(surging, steady={"acked_per_s": 477.0})
    assert unmet_rules(Run(RunMeta.model_validate(meta), (), (), None), slower) != []


def test_a_stated_rate_is_as_it_was_stated() -> None:
    sample = Sample("1", 0, 2 * S, RunPhase.MEASURE, {}, {}, {})
    meta = META | {"thresholds": ["rates.acked_per_s >= 98% of due"], "measure_start_ns": 0, "measure_end_ns": 2 * S}
    assert (
        unmet_rules(Run(RunMeta.model_validate(meta), (sample,), (), None), summary(rates={"acked_per_s": 480.0})) != []
    )


@pytest.mark.parametrize(
    ("facts", "figures"),
    [
        ({"closed_loop": True}, {"rates": {"acked_per_s": 1.0}}),
        ({"publishing": False}, {"rates": {"acked_per_s": 1.0}, "messages": {"unresolved": 3}}),
        ({"acknowledged": False}, {"rates": {"acked_per_s": 1.0}}),
        ({"subscribing": False}, {"messages": {"lost": 3}}),
        ({}, {"messages": {"lost": None, "unresolved": None}}),
    ],
)
def test_a_default_that_does_not_apply_breaks_nothing(facts: dict[str, Any], figures: dict[str, Any]) -> None:
    assert texts(META | facts, summary(**figures)) == []


def test_with_surges_the_peak_counts_and_not_the_end() -> None:
    surging = META | {"surges": [{"group": "meters", "clients": 20}]}
    assert texts(surging, summary(clients={"connected": 80, "connected_peak": 101})) == []
    assert texts(surging, summary(clients={"connected": 80, "connected_peak": 97})) == [
        "3 of 100 clients could not connect"
    ]


def test_a_stated_threshold_takes_the_place_of_the_default() -> None:
    lossy = summary(messages={"lost": 5})
    assert texts(META | {"thresholds": ["messages.lost <= 10"]}, lossy) == []
    assert texts(META | {"thresholds": ["messages.lost <= 4"]}, lossy) == ["5 of 1,000 deliveries were lost, needs ≤ 4"]


def test_a_limit_in_the_other_direction_is_told_plainly() -> None:
    """Who wants loss, or a rate under a limit, does not hear that the broker fell behind."""
    said = texts(META | {"thresholds": ["rates.acked_per_s < 400/s", "messages.lost > 3"]}, summary())
    assert said == ["acked per second is 500/s, needs < 400/s", "messages lost: 0, needs > 3"]


def test_the_commonest_cause_of_failed_connects_is_named_with_its_remedy() -> None:
    meta = META | {
        "connect_failures": {"connection refused": 3, "no free local ports": 90},
        "remedies": {"no free local ports": "add --source-address"},
    }
    records = Run(RunMeta.model_validate(meta), (), (), None)
    (ruled,) = unmet_rules(records, summary(clients={"connected": 7, "connected_peak": 7}))
    assert ruled.text == "93 of 100 clients could not connect: no free local ports (90); connection refused (3)"
    assert ruled.remedy == "add --source-address"


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ({"a": 2}, ": a"),
        ({}, ""),
        ({"a": 1, "b": 5, "c": 2, "d": 1, "e": 1}, ": b (5); c (2); a (1); and 2 more causes"),
    ],
)
def test_several_causes_are_told_apart(failures: dict[str, int], told: str) -> None:
    records = Run(RunMeta.model_validate(META | {"connect_failures": failures}), (), (), None)
    (ruled,) = unmet_rules(records, summary(clients={"connected": 90, "connected_peak": 90}))
    assert ruled.text == f"10 of 100 clients could not connect{told}"


def test_the_most_telling_comes_first() -> None:
    figures = summary(
        clients={"connected": 50, "connected_peak": 50, "dropped": 1},
        messages={"lost": 1, "unresolved": 1},
        rates={"acked_per_s": 100.0},
    )
    first_words = [text.split()[0] for text in texts(dict(META), figures)]
    assert first_words == ["50", "the", "1", "1", "1"]


def test_what_cannot_be_read_is_undecided() -> None:
    (ruled,) = unmet_rules(Run(RunMeta.model_validate(META | {"thresholds": ["nonsense"]}), (), (), None), summary())
    assert ruled.ruling is Ruling.UNDECIDED
    assert "nonsense" in ruled.text
    assert ruled.remedy
