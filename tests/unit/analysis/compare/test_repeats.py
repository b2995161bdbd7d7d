"""How much a load scatters from run to run: median, extremes, and what is unstable."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from malaria.analysis.compare.repeats import FIRST_REMEDY, GENERAL_REMEDY, repeat_figures, unrepeated
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import RepeatFigures, Summary, Verdict
from malaria.records.campaign_records import CampaignPart, PartState
from malaria.report.repeat_text import repeat_rows, repeat_sentence
from synthetic import make_run

BASE: Final = summarize(make_run(seconds=10, workers=1, clients=60))


def run(p99_ms: float, outcome: Outcome = Outcome.PASS) -> Summary:
    ack = replace(BASE.latency_ms["ack"], p99=p99_ms)
    verdict = Verdict(outcome, (Reason(outcome, "why"),))
    return replace(BASE, latency_ms={**BASE.latency_ms, "ack": ack}, verdict=verdict)


def scatter(*runs: Summary) -> RepeatFigures:
    parts = [
        CampaignPart(1, "60 clients", f"run {n}" if n > 1 else "", 60, state=PartState.DONE, repeat=n)
        for n in range(1, len(runs) + 1)
    ]
    found = repeat_figures(list(zip(parts, runs, strict=True)))
    assert found is not None
    (one,) = found
    return one


def test_median_extremes_and_spread() -> None:
    found = scatter(run(10.0), run(9.0), run(10.5), run(10.2), run(10.1))
    (p99,) = (one for one in found.figures if one.name == "ack.p99")
    assert (found.name, found.runs) == ("60 clients", 5)
    assert (p99.median, p99.smallest, p99.largest) == (10.1, 9.0, 10.5)
    assert p99.spread == pytest.approx(0.75 / 10.1)
    assert (p99.unstable, found.unstable, found.remedy) == (False, (), "")
    assert repeat_sentence(found) == "60 clients, 5 runs: every figure is within 10 % of its median"
    assert ("ack p99", "10 ms", "9.0 ms", "10 ms", "±7.4 %", "") in repeat_rows(found)


def test_an_outlier_is_unstable() -> None:
    found = scatter(run(10.0), run(10.1), run(30.0), run(10.2), run(9.9))
    assert (found.unstable, found.remedy) == (("ack.p99",), GENERAL_REMEDY)
    assert repeat_sentence(found).startswith("60 clients, 5 runs: unstable: ack p99; measure longer")


def test_a_first_run_that_is_unlike_the_others() -> None:
    assert scatter(run(30.0), run(10.1), run(10.0), run(10.2)).remedy == FIRST_REMEDY


def test_this_machine_is_named_before_other_causes() -> None:
    found = scatter(run(30.0, Outcome.INVALID), run(10.1), run(10.0))
    assert found.remedy.startswith("this machine was the limit in 1 of 3 runs")


def test_what_is_not_repeated() -> None:
    part = CampaignPart(1, "60 clients", "", 60, state=PartState.DONE)
    assert repeat_figures([(part, run(1.0))]) is None
    # one run says nothing about scatter
    assert repeat_figures([(replace(part, repeat=1), run(1.0))]) is None
    assert repeat_figures([(replace(part, repeat=1, state=PartState.NOT_RUN), run(1.0))] * 2) is None


def test_the_name_of_a_load() -> None:
    assert unrepeated("500 clients", "QoS 0 · run 2", 2) == "500 clients · QoS 0"
    assert unrepeated("500 clients", "run 2", 2) == unrepeated("500 clients", "", 1) == "500 clients"
