"""Find the pairs of a comparison that are evidence: both sides were run, and this machine was the limit of neither."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignPart, PartState
from malaria.records.comparison_goal import SIDES

EVIDENCE: Final = frozenset({Outcome.PASS, Outcome.FAIL})


@dataclass(frozen=True, slots=True)
class PairedRuns:
    """The pairs that are evidence, as (A, B); how many are none; and how often each side had which verdict."""

    pairs: tuple[tuple[Summary, Summary], ...]
    left_out: int
    verdicts: dict[str, dict[str, int]] = field(default_factory=dict)


def paired_runs(parts: Iterable[tuple[CampaignPart, Summary | None]]) -> PairedRuns:
    """Return the pairs of these parts. One that was not run, or not yet on both sides, is no pair."""
    sides: dict[int, dict[str, Summary]] = {}
    verdicts: dict[str, dict[str, int]] = {side: {} for side in SIDES}
    for part, summary in parts:
        if summary is None or part.state is not PartState.DONE:
            continue
        sides.setdefault(part.level, {})[part.variant] = summary
        outcome = str(summary.verdict.outcome)
        verdicts[part.variant][outcome] = verdicts[part.variant].get(outcome, 0) + 1
    whole = [(pair[SIDES[0]], pair[SIDES[1]]) for pair in sides.values() if len(pair) == len(SIDES)]
    good = [pair for pair in whole if all(one.verdict.outcome in EVIDENCE for one in pair)]
    return PairedRuns(tuple(good), len(whole) - len(good), verdicts)
