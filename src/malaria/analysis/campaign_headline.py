"""The answer of a campaign in a sentence: how far the broker held, and what broke above that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from malaria.analysis.headline import held_briefly
from malaria.analysis.headroom import broker_limit
from malaria.analysis.knee import highest_passed, knee
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import LevelSummary
from malaria.records.campaign_records import CampaignPart
from malaria.units import format_things


@dataclass(frozen=True, slots=True)
class PlacedLevel:
    """A part of a campaign and its summary."""

    part: CampaignPart
    summary: LevelSummary

    @property
    def name(self) -> str:
        return part_name(self.part)

    @property
    def outcome(self) -> str:
        return self.summary.verdict.outcome

    @property
    def load(self) -> int:
        return self.part.clients

    @property
    def is_plain(self) -> bool:
        return not self.part.variant and not self.summary.surges and self.summary.loop is None


def part_name(part: CampaignPart) -> str:
    """Return `3,000 clients · QoS 0 publishers`."""
    return f"{part.title} · {part.variant}" if part.variant else part.title


def campaign_sentence(levels: Sequence[PlacedLevel], outcome: Outcome, cut_short: str = "") -> str:
    """Return the answer of the whole, whose outcome is `outcome`; `cut_short` says how the operator ended it.

    A PASS has the answer of its greatest level. Any other outcome says its cause first, and then the greatest level
    that held: `FAIL holds 400 clients` would sound like a contradiction.
    """
    best = highest_passed(levels)
    if outcome is Outcome.PASS:
        return f"{(best or levels[-1]).summary.headline}{_full_since(levels, best)}"
    held = f"; holds {held_briefly(best.load, best.summary)}" if best else ""
    if cut_short:
        return f"{cut_short}{held}"
    one = decisive(levels, outcome)
    return f"at {one.name}: {one.summary.verdict.reasons[0].text}{held}"


def _full_since(levels: Sequence[PlacedLevel], best: PlacedLevel | None) -> str:
    """Return from which level on the broker was at a limit, if smaller levels than the greatest were; else nothing."""
    if best is None or not broker_limit(best.summary.broker):
        return ""
    first = min((one.load for one in levels if one.is_plain and broker_limit(one.summary.broker)), default=best.load)
    return f" from {format_things(first, 'client')} on" if first < best.load else ""


def decisive(levels: Sequence[PlacedLevel], outcome: Outcome) -> PlacedLevel:
    """Return the part that decides the outcome: the level where the broker broke, or the first with that outcome."""
    broken = knee(levels)
    # the knee may be INVALID in a campaign that is FAIL for another level
    if broken is not None and broken.outcome == outcome:
        return broken
    return next(one for one in levels if one.outcome == outcome)
