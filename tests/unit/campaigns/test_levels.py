"""The program of a campaign file, without a broker: what is next after what has been."""

from __future__ import annotations

from typing import Any

from campaign_fakes import TEXT
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary, Verdict
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.levels import Levels
from malaria.campaigns.program import Program, Step, StepResult
from malaria.records.campaign_records import CampaignPart, PartState

STOP = 'on_fail = "stop"\n' + TEXT


def levels(text: str = TEXT) -> Levels:
    return Levels(campaign_from_toml(text, "meters.toml"))


def result(step: Step, verdict: str | None = "PASS") -> StepResult:
    summary = None if verdict is None else Summary(verdict=Verdict(Outcome(verdict)))
    return StepResult(CampaignPart(step.level, step.title, step.variant, step.clients, state=PartState.DONE), summary)


def played(program: Program, *verdicts: str | None) -> list[tuple[str, str]]:
    """Return the directory of every step and why it was skipped, when the steps that are run end so, then pass."""
    left, history, steps = list(verdicts), list[StepResult](), list[tuple[str, str]]()
    while (step := program.next(history)) is not None:
        steps.append((step.directory, step.skip))
        verdict = None if step.skip else left.pop(0) if left else "PASS"
        history.append(result(step, verdict))
    return steps


def test_every_level_and_then_its_variants() -> None:
    assert played(levels()) == [("level-1", ""), ("level-1-variant-1", ""), ("level-2", ""), ("level-3", "")]


def test_what_is_planned_is_what_is_asked_for() -> None:
    program = levels()
    assert [step.directory for step in program.planned] == [directory for directory, _ in played(program)]
    first, variant = program.planned[:2]
    assert (first.name, first.note, first.clients) == ("5 clients", "the first", 5)
    assert (variant.name, variant.note, variant.warhead.groups[0].qos) == ("5 clients · QoS 0", "beside it", 0)


def test_a_failure_skips_later_levels_but_no_variant_of_its_own() -> None:
    why = '5 clients failed, and on_fail = "stop"'
    assert played(levels(STOP), "FAIL") == [
        ("level-1", ""), ("level-1-variant-1", ""), ("level-2", why), ("level-3", why),
    ]  # fmt: skip
    assert all(skip == "" for _, skip in played(levels(), "FAIL"))


def test_a_variant_that_fails_stops_the_campaign_too() -> None:
    why = '5 clients · QoS 0 failed, and on_fail = "stop"'
    assert played(levels(STOP), "PASS", "FAIL")[2:] == [("level-2", why), ("level-3", why)]


def test_only_a_failure_stops() -> None:
    assert [skip for _, skip in played(levels(STOP), "INVALID", "UNKNOWN", None)] == [""] * 4


def test_a_gap_in_the_history_is_filled_first() -> None:
    """A resumed campaign whose second part was cut short, or is damaged now."""
    program = levels()
    first, _, third, _ = program.planned
    step = program.next([result(first), result(third)])
    assert step is not None
    assert step.directory == "level-1-variant-1"


def test_a_later_failure_does_not_stop_a_gap_before_it() -> None:
    program = levels(STOP)
    first, second, third, _ = program.planned
    gap: Any = program.next([result(first), result(third, "FAIL")])
    assert (gap.key, gap.skip) == (second.key, "")
    rest: Any = program.next([result(first), result(second), result(third, "FAIL")])
    assert rest.skip == '7 clients failed, and on_fail = "stop"'
