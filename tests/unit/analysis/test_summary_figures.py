"""The shape of a summary: typed in memory, `summary.json` on disk, and the schema that describes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from malaria.analysis.campaign_figures import summarize_campaign
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import RateFigures, Summary, SurgeFigures, Verdict, summary_schema
from malaria.records.campaign_records import PartState
from synthetic import Course, make_run, make_whole_campaign, observed

DATA = Path(__file__).parents[2] / "data"
SURGING = Course([100] * 10 + [150] * 10 + [100] * 20, surges=[(50, 10, 20)])


def check(summary: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(summary_schema()).validate(json.loads(json.dumps(summary, allow_nan=False)))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(summary_schema())


@pytest.mark.parametrize("trouble", [None, "falls-behind", "lost-worker", "generator-limit", "unfinished"])
def test_every_summary_of_an_attack_is_as_the_schema_says(trouble: Any) -> None:
    check(summarize(observed(make_run(seconds=12, clients=600, trouble=trouble))).as_json())


def test_a_summary_with_surges_is_as_the_schema_says() -> None:
    summary = summarize(SURGING.run())
    assert summary.surges
    check(summary.as_json())


def test_the_summary_of_a_campaign_is_as_the_schema_says() -> None:
    campaign, runs = make_whole_campaign()
    summary = summarize_campaign(campaign, {name: summary for name, (_, summary) in runs.items()})
    assert any(part.state is PartState.NOT_RUN for part in campaign.parts)
    assert len(summary.levels) == len(campaign.parts)
    check(summary.as_json())


@pytest.mark.parametrize("path", sorted(DATA.rglob("summary.json")), ids=str)
def test_stored_summaries_are_as_the_schema_says(path: Path) -> None:
    check(json.loads(path.read_text()))


@pytest.mark.parametrize(
    "wrong", [{"rates": {}}, {"duration_s": "6"}, {"verdict": {"outcome": "GOOD", "reasons": []}}, {"more": 1}]
)
def test_the_schema_refuses_what_is_no_summary(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check(Summary().as_json() | wrong)


def test_remedies_are_kept_in_memory_and_texts_in_json() -> None:
    verdict = Verdict(Outcome.FAIL, (Reason(Outcome.FAIL, "too slow", "look at its CPU"),))
    assert verdict.reasons[0].remedy == "look at its CPU"
    assert verdict.as_json() == verdict == {"outcome": "FAIL", "reasons": ["too slow"]}


def test_figures_are_found_by_attribute_and_by_key() -> None:
    summary = Summary(rates=RateFigures(acked_per_s=5.0), surges=(SurgeFigures("meters", 5, 1.0, broke=("a", "b")),))
    assert summary.rates.acked_per_s == summary["rates"]["acked_per_s"] == 5.0
    assert summary["surges"][0]["broke"] == ["a", "b"]
    assert "as_json" not in summary
    with pytest.raises(KeyError):
        summary["as_json"]
