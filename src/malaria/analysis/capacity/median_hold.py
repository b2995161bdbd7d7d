"""Choose the hold of a search whose figures stand for its load: that with the median latency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignPart
from malaria.records.rows import Metric


class JudgedPart(Protocol):
    """A part of a campaign that was run and judged."""

    @property
    def part(self) -> CampaignPart: ...
    @property
    def summary(self) -> Summary: ...


def median_hold[P: JudgedPart](parts: Sequence[P], load: int | None) -> P | None:
    """Return the part with the median p99 among the longest holds that passed at `load`; None if none passed.

    The p99 is that of acks, or end to end where nothing is acknowledged. Of an even number it is the lower median.
    """
    holds = sorted(passed_holds(parts, load), key=_p99)
    return holds[(len(holds) - 1) // 2] if holds else None


def passed_holds[P: JudgedPart](parts: Sequence[P], load: int | None) -> list[P]:
    """Return the longest holds of a search that passed at `load`, without its staircase and its surges."""
    held = {
        place: trial.hold_s
        for place, one in enumerate(parts)
        if (trial := one.part.trial) is not None and trial.load == load and not trial.staircase and not trial.trigger
        and one.summary.verdict.outcome == Outcome.PASS
    }  # fmt: skip
    longest = max(held.values(), default=0)
    return [parts[place] for place, hold_s in held.items() if hold_s == longest]


def _p99(one: JudgedPart) -> float:
    latency = one.summary.latency_ms
    known = [p99 for metric in (Metric.ACK, Metric.END_TO_END) if (p99 := latency[metric]["p99"]) is not None]
    return known[0] if known else math.inf
