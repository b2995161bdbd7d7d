"""The summary of a campaign: the shape of an attack's, with its parts inside.

The verdict is that of the worst part: a broker that failed once has failed (FAIL), whatever else is unknown; then where
the generator was the limit (INVALID); then where evidence is missing (UNKNOWN). A campaign that the operator cut short
has no verdict over the whole (UNKNOWN). The other figures are those of the first part with that verdict, and of the
last part where all pass. A search has the verdict of its answer, and the figures of the hold that proved it, of several
that with the median p99. A comparison has the verdict of its answer too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Final

from malaria.analysis.campaign_headline import PlacedLevel, campaign_sentence, decisive
from malaria.analysis.capacity.capacity_figures import judge_search
from malaria.analysis.capacity.median_hold import median_hold
from malaria.analysis.compare.paired_figures import judge_comparison
from malaria.analysis.compare.repeats import repeat_figures
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import LevelSummary, Summary, Verdict
from malaria.records.campaign_records import INTERRUPTED, CampaignPart, CampaignRecords, PartState
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

WORST_FIRST: Final = (Outcome.FAIL, Outcome.INVALID, Outcome.UNKNOWN, Outcome.PASS)


def summarize_campaign(campaign: CampaignRecords, summaries: Mapping[str, Summary]) -> Summary:
    """Return the figures and the verdict of the whole. `summaries` has that of each part that was run, by directory."""
    levels = tuple(_level(part, summaries.get(part.directory or "")) for part in campaign.parts)
    worst = min(levels, key=lambda level: WORST_FIRST.index(level.verdict.outcome))
    worst = levels[-1] if worst.verdict.outcome is Outcome.PASS else worst
    placed = [PlacedLevel(*pair) for pair in zip(campaign.parts, levels, strict=True)]
    capacity, comparison, shown = None, None, worst
    if campaign.search is not None:
        capacity, verdict = judge_search(campaign.search, campaign, summaries)
        proof = median_hold(placed, capacity.lower)
        shown, sentence = proof.summary if proof else worst, verdict.reasons[0].text
    elif campaign.comparison is not None:
        comparison, verdict = judge_comparison(campaign.comparison, campaign, summaries)
        sentence = verdict.reasons[0].text
    else:
        verdict, sentence = _verdict(placed, worst.verdict.outcome)
    whole = Summary(**{each.name: getattr(shown, each.name) for each in fields(Summary)})
    return replace(
        whole,
        version=next((level.version for level in levels if level.version), None),
        target=next((level.target for level in levels if level.target), None),
        started=campaign.started or worst.started,
        verdict=verdict,
        headline=sentence,
        capacity=capacity,
        comparison=comparison,
        repeats=repeat_figures([(one.part, one.summary) for one in placed]),
        levels=levels,
    )


def _verdict(levels: Sequence[PlacedLevel], worst: Outcome) -> tuple[Verdict, str]:
    """Return the verdict with the reason of each part that has its outcome, the decisive one first, and the answer."""
    broken = [one for one in levels if one.outcome == worst is not Outcome.PASS]
    if broken:
        first = decisive(levels, worst)
        broken.sort(key=lambda one: one is not first)
    reasons = [
        replace(reason, text=f"{one.name}: {reason.text}")
        for one in broken
        for reason in one.summary.verdict.reasons[:1]
    ]
    if not any(one.part.why == INTERRUPTED for one in levels):
        return Verdict(worst, tuple(reasons)), campaign_sentence(levels, worst)
    done = sum(one.part.state is PartState.DONE for one in levels)
    cut = Reason(Outcome.UNKNOWN, f"{INTERRUPTED}: {done} of {len(levels)} parts were run")
    others = [reason for one, reason in zip(broken, reasons, strict=True) if one.part.why != INTERRUPTED]
    return Verdict(Outcome.UNKNOWN, (cut, *others)), campaign_sentence(levels, Outcome.UNKNOWN, cut.text)


def _level(part: CampaignPart, summary: Summary | None) -> LevelSummary:
    """Return the summary of a part with its place; every figure is unknown for one that was not run."""
    if summary is None:
        reason = f"{part.state}: {part.why}" if part.why else str(part.state)
        nothing = summarize(Run(RunMeta(clients_planned=part.clients or None), (), (), None))
        verdict = Verdict(Outcome.UNKNOWN, (Reason(Outcome.UNKNOWN, reason),))
        summary = replace(nothing, verdict=verdict, headline=reason)
    figures = {each.name: getattr(summary, each.name) for each in fields(Summary)}
    return LevelSummary(**figures, title=part.title, variant=part.variant, level=part.level, run=part.directory)
