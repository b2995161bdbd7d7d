"""The summary of a campaign: the shape of an attack's, with its parts inside.

The verdict is that of the worst part: a broker that failed once has failed (FAIL), whatever else is not known; then
where our generator was the limit (INVALID); then where evidence is missing (UNKNOWN). A campaign that the operator cut
short has no verdict over the whole (UNKNOWN). The other figures are those of the first part with that verdict, and of
the last one where all pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from malaria.analysis.summary import summarize
from malaria.analysis.verdict import Outcome
from malaria.records.rows import INTERRUPTED, CampaignPart, CampaignRecords, PartState
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

WORST_FIRST: Final = (Outcome.FAIL, Outcome.INVALID, Outcome.UNKNOWN, Outcome.PASS)

type Summary = Mapping[str, Any]


def part_name(part: CampaignPart) -> str:
    """`3,000 clients · QoS 0 publishers`."""
    return f"{part.title} · {part.variant}" if part.variant else part.title


def summarize_campaign(campaign: CampaignRecords, summaries: Mapping[str, Summary]) -> dict[str, Any]:
    """The figures and the verdict of the whole. `summaries` has that of each part that was run, by its directory."""
    levels = [_level(part, summaries.get(part.directory or "")) for part in campaign.parts]
    rank = {outcome.value: number for number, outcome in enumerate(WORST_FIRST)}
    worst = min(levels, key=lambda level: rank[level["verdict"]["outcome"]])
    worst = levels[-1] if worst["verdict"]["outcome"] == Outcome.PASS else worst
    figures = {key: value for key, value in worst.items() if key not in ("title", "variant", "level", "run")}
    return figures | {
        "version": next((level["version"] for level in levels if level["version"]), None),
        "target": next((level["target"] for level in levels if level["target"]), None),
        "started": campaign.started or worst["started"],
        "verdict": _verdict(campaign, levels, worst["verdict"]["outcome"]),
        "levels": levels,
    }


def _verdict(campaign: CampaignRecords, levels: list[dict[str, Any]], worst: str) -> dict[str, Any]:
    reasons = [
        f"{part_name(part)}: {reason}"
        for part, level in zip(campaign.parts, levels, strict=True)
        for reason in level["verdict"]["reasons"][:1]
        if level["verdict"]["outcome"] == worst != Outcome.PASS
    ]
    if not any(part.why == INTERRUPTED for part in campaign.parts):
        return {"outcome": worst, "reasons": reasons}
    done = sum(part.state is PartState.DONE for part in campaign.parts)
    said = f"{INTERRUPTED}: {done} of {len(campaign.parts)} parts were run"
    others = [reason for reason in reasons if INTERRUPTED not in reason]
    return {"outcome": Outcome.UNKNOWN.value, "reasons": [said, *others]}


def _level(part: CampaignPart, summary: Summary | None) -> dict[str, Any]:
    """The summary of a part, and what it is; of one that was not run every figure is unknown."""
    told = {"title": part.title, "variant": part.variant, "level": part.level, "run": part.directory}
    if summary is None:
        nothing = dict(summarize(Run(RunMeta(clients_planned=part.clients or None), (), (), None)))
        reason = f"{part.state}: {part.why}" if part.why else str(part.state)
        return nothing | {"verdict": {"outcome": Outcome.UNKNOWN.value, "reasons": [reason]}} | told
    return dict(summary) | told
