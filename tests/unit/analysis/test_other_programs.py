"""Who took the machine, in the words of a verdict."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from malaria.analysis.other_programs import machine_use
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.clock import NS_PER_S
from malaria.records.rows import Observation, Reading
from malaria.records.run import Run
from synthetic import make_run, with_meta

LATE = with_meta(make_run(seconds=12, clients=600), own_lag_limit_ns=1)


def used(other: float, broker: float | None = None, largest: object = None) -> Run:
    values: dict[str, Reading] = {
        "other_percent": other, "broker_percent": broker, "largest": json.dumps(largest or {}),
    }  # fmt: skip
    rows = tuple(Observation("programs", at_s * NS_PER_S, values) for at_s in range(2, 16, 2))
    return replace(LATE, observations=rows)


def test_other_programs_are_named_in_place_of_an_idle_worker() -> None:
    verdict = summarize(used(92, 3, {"chromium": 41, "rustc": 22, "sh": 4, "top": 3, "idle": 1})).verdict
    assert verdict.outcome is Outcome.INVALID
    assert verdict.reasons[0].text.startswith(
        "other programs used 92 % of this machine: chromium 41 %, rustc 22 %, sh 4 %; messages left "
    )
    assert "bee" not in verdict.reasons[0].remedy


def test_a_broker_on_the_same_machine_is_named() -> None:
    text = summarize(used(10, 80)).verdict.reasons[0].text
    assert text.startswith("the broker used 80 % of this machine, which made the load as well; messages left")


@pytest.mark.parametrize("run", [LATE, used(24)])
def test_where_nobody_took_it_no_worker_is_blamed(run: Run) -> None:
    reason = summarize(run).verdict.reasons[0]
    assert ("this machine was the limit" in reason.text, "used" in reason.text) == (True, False)
    assert "bee" not in reason.remedy


@pytest.mark.parametrize("largest", ["[", "[1]", '{"a": "b", "c": 1e9}'])
def test_damaged_names_are_left_out(largest: str) -> None:
    run = used(92)
    rows = tuple(replace(row, values={**row.values, "largest": largest}) for row in run.observations)
    use = machine_use(replace(run, observations=rows))
    assert use is not None
    assert use.words() == "other programs used 92 % of this machine"


@pytest.mark.parametrize(
    ("busy", "other", "told"), [(97, 88, True), (89, 88, False), (97, 40, False), (97, 50, True), (100, 50, False)]
)
def test_a_pass_on_a_machine_that_others_used_has_a_remark(busy: float, other: float, told: bool) -> None:
    rows = used(other, 3, {"python": 52, "pytest": 31}).observations
    rows = tuple(replace(row, values={**row.values, "busy_percent": busy}) for row in rows)
    verdict = summarize(replace(make_run(seconds=12, clients=600), observations=rows)).verdict
    said = f"other programs used {other} % of this machine: python 52 %, pytest 31 %; latencies may be theirs"
    assert verdict.outcome is Outcome.PASS
    assert (said in [reason.text for reason in verdict.reasons]) is told


def test_it_is_said_once_where_the_messages_left_late_for_it() -> None:
    rows = tuple(replace(row, values={**row.values, "busy_percent": 99}) for row in used(92).observations)
    texts = [reason.text for reason in summarize(replace(LATE, observations=rows)).verdict.reasons]
    assert [text.startswith("other programs used 92 %") for text in texts].count(True) == 1
