"""Shorten a campaign or send it to another target: `--levels`, `--hold`, `--target`.

Promises: the result is as complete and as checked as the campaign that went in, and names what was left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from malaria.campaigns.definition import Campaign, Level, Variant, places
from malaria.errors import CampaignError
from malaria.model.access import Access
from malaria.model.broker import BrokerTable
from malaria.model.fields import duration_text
from malaria.model.observe import Observe
from malaria.model.warhead import Warhead, to_table, validated
from malaria.units import parse_duration_ns


def only_levels(campaign: Campaign, text: str) -> Campaign:
    """Keep the levels with these numbers of clients or names: `500,level-6`. Raises CampaignError for others."""
    # Python's notation of large numbers: 3_000
    wanted = [part.strip().replace("_", "") for part in text.split(",")]
    # several levels may have the same number of clients: all of them are meant
    counts = list(dict.fromkeys(str(level.clients) for level in campaign.levels))
    names = [level.name for level in campaign.levels]
    for part in wanted:
        if part not in counts and part not in names:
            known = f"numbers of clients: {', '.join(counts)}; names: {names[0]} to {names[-1]}"
            raise CampaignError(f"--levels: no level has {part!r} clients or that name", known)
    kept = tuple(level for level in campaign.levels if {str(level.clients), level.name} & set(wanted))
    gone = [level.title for level in campaign.levels if level not in kept]
    return replace(campaign, levels=kept, left_out=campaign.left_out + tuple(f"level {t} (--levels)" for t in gone))


def with_hold(campaign: Campaign, hold_ns: int) -> Campaign:
    """Make every level so long; times within a level (surges, ramps) are scaled in proportion.

    Raises OperatorError when something does not fit.
    """
    if hold_ns <= 0:
        raise CampaignError("--hold: must be longer than 0 s", "write a duration such as 20s")

    def held(level: Level, variant: Variant) -> Variant:
        place = places(f"{campaign.name} with --hold: level {level.title}")
        return replace(variant, warhead=validated(held_table(variant.warhead, hold_ns), place))

    levels = (replace(level, observe=_earlier(level, hold_ns)) for level in campaign.levels)
    return _each(replace(campaign, levels=tuple(levels)), held)


def _earlier(level: Level, hold_ns: int) -> Observe:
    """Scale the start of perf, and end it early enough that its recording is read before the level ends."""
    # a level without a duration of its own keeps its times
    perf, before_ns = level.observe.perf, level.warhead.attack.duration_ns or hold_ns
    if perf is None:
        return level.observe
    at_ns = perf.at_ns * hold_ns // before_ns
    # perf needs some of the level's time to turn its samples into text
    earlier = {"at_ns": at_ns, "seconds_ns": max(1, min(perf.seconds_ns, (hold_ns - at_ns) * 2 // 3))}
    return level.observe.model_copy(update={"perf": perf.model_copy(update=earlier)})


def held_table(warhead: Warhead, hold_ns: int) -> dict[str, Any]:
    """Return the tables of a warhead that lasts so long, with the times within it in proportion."""
    table = to_table(warhead)
    before_ns = warhead.attack.duration_ns or hold_ns

    def scale(holder: dict[str, Any], keys: Sequence[str]) -> None:
        for key in keys:
            if key in holder:
                holder[key] = duration_text(parse_duration_ns(holder[key]) * hold_ns // before_ns)

    table["attack"]["duration"] = duration_text(hold_ns)
    for group in table["group"]:
        scale(group, ("ramp", "rate_ramp", "start_after"))
    for surge in table.get("surge", []):
        scale(surge, ("at", "hold", "ramp"))
    for change in table.get("change", []):
        # a time before the measured time is in the warm-up, which keeps its length
        if not change["at"].startswith("-"):
            scale(change, ("at",))
    return table


def with_target(campaign: Campaign, target: Access) -> Campaign:
    """Send the same levels to another target, whose broker the campaign does not start.

    Variants that differ only in how clients get in are left out, with a sentence in `left_out`.
    """
    left_out = [
        f"{variant.name} of level {level.title}: it differs only in the listener or target, which --target replaces"
        for level in campaign.levels
        for variant in level.attacks[1:]
        if _same_load(variant, level)
    ]
    levels = tuple(
        replace(
            level,
            attacks=tuple(v for v in level.attacks if not v.name or not _same_load(v, level)),
            broker=BrokerTable(),
        )
        for level in campaign.levels
    )
    redirected = replace(campaign, levels=levels, broker=BrokerTable(), left_out=campaign.left_out + tuple(left_out))

    def aimed(level: Level, variant: Variant) -> Variant:
        # without a url the options change the login at each level's own target
        own = variant.warhead.target.overridden(target) if target.url is None else target
        return replace(variant, warhead=variant.warhead.model_copy(update={"target": own}), listener=None)

    return _each(redirected, aimed)


def _same_load(variant: Variant, level: Level) -> bool:
    # two variants that differ only in their target are the same attack once --target replaces it
    same_way = {"target": level.warhead.target}
    return variant.warhead.model_copy(update=same_way) == level.warhead


def _each(campaign: Campaign, change: Callable[[Level, Variant], Variant]) -> Campaign:
    levels = (replace(level, attacks=tuple(change(level, v) for v in level.attacks)) for level in campaign.levels)
    return replace(campaign, levels=tuple(levels))
