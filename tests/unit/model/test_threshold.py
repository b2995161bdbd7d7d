"""Thresholds: the passing condition, from a file and from `--fail-if`."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest

from malaria.model.threshold import (
    FIGURES,
    NEGATION,
    OPERATORS,
    FigureUnit,
    Threshold,
    parse_fail_if,
    parse_threshold,
    parse_threshold_text,
)
from malaria.units import NotationError

MEANING: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "text", "threshold"),
    [
        ("ack.p99", "< 500ms", Threshold("ack.p99", "<", 500.0)),
        ("ack.p99_9", "<=1.5s", Threshold("ack.p99_9", "<=", 1500.0)),
        ("lag.max", " < 250us ", Threshold("lag.max", "<", 0.25)),
        ("messages.acked_lost", "== 0", Threshold("messages.acked_lost", "==", 0.0)),
        ("rates.acked_per_s", ">= 98% of due", Threshold("rates.acked_per_s", ">=", 98.0, "rates.due_per_s")),
        ("rates.acked_per_s", ">= 490.5 /s", Threshold("rates.acked_per_s", ">=", 490.5)),
        ("messages.delivered", ">=99.9% of expected", Threshold("messages.delivered", ">=", 99.9, "messages.expected")),
        ("clients.connected", "== 100 % of planned", Threshold("clients.connected", "==", 100.0, "clients.planned")),
        ("connect.count", "> 10", Threshold("connect.count", ">", 10.0)),
    ],
)
def test_reads_and_writes_back(key: str, text: str, threshold: Threshold) -> None:
    assert parse_threshold(key, text) == threshold
    assert parse_threshold_text(str(threshold)) == threshold
    assert parse_threshold(key, threshold.condition) == threshold


def test_writes_as_people_do() -> None:
    assert str(parse_threshold_text("ack.p99<0.5s")) == "ack.p99 < 500ms"
    assert str(parse_threshold_text("rates.sent_per_s >= 98%of due")) == "rates.sent_per_s >= 98% of due"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ack.p98 < 5ms", "did you mean ack.p9"),
        ("nonsense < 5ms", "not a figure"),
        ("", "not a figure"),
        ("ack.p99", "not a condition"),
        ("ack.p99 500ms", "not a condition"),
        ("ack.p99 = 500ms", "not a condition"),
        ("ack.p99 <", "not a limit"),
        ("ack.p99 < -5ms", "not a limit"),
        ("ack.p99 < 500", "without a unit"),
        ("ack.p99 < 500 parsecs", "not a duration"),
        ("ack.p99 < 98% of due", "not a percentage"),
        ("messages.lost == 0ms", "not a limit for messages.lost"),
        ("messages.lost < 1%", "words are due, sent"),
        ("messages.lost < 1% of nothing", "words are due, sent"),
        ("rates.acked_per_s > 5/min", "not a limit"),
        ("messages.lost << 3", "not a limit"),
        ("messages.lost < ٣", "not a limit"),
    ],
)
def test_refuses_with_remedy(text: str, words: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_threshold_text(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("sign", OPERATORS)
@pytest.mark.parametrize("value", [1.0, 2.0, 3.0])
def test_fail_if_states_the_opposite(sign: str, value: float) -> None:
    passing = parse_fail_if(f"messages.lost {sign} 2")
    assert MEANING[sign](value, 2.0) is not MEANING[passing.operator](value, passing.value)
    assert NEGATION[NEGATION[sign]] == sign


@pytest.mark.parametrize("key", FIGURES)
def test_every_figure_takes_a_limit(key: str) -> None:
    figure = FIGURES[key]
    assert parse_threshold(key, f"< 5{figure.unit}").value == 5.0
    assert figure.unit in FigureUnit
    for word, base in figure.bases.items():
        assert parse_threshold(key, f"> 5% of {word}").relative_to == base
        assert FIGURES[base].unit == figure.unit
