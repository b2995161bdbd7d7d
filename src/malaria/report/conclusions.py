"""What the levels of a campaign come to, in sentences by rule: what it carries, what broke first, from where it
recovers, and what the variants change. Each sentence is plain text, and says nothing that the figures do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.surge_words import surge_sentence
from malaria.records import Metric
from malaria.report.figures import count, latencies
from malaria.report.parts import Shown, by_level
from malaria.report.surges import surges_of
from malaria.report.target_side import done_per_s, percent
from malaria.units import format_rate

PASS: Final = "PASS"
INVALID: Final = "INVALID"
HARDLY_POINTS: Final = 2.0
"""Percent of a core: a smaller change of CPU is said to be hardly one."""
LEAST_FOR_SLOPE: Final = 3


def conclusions(shown: Sequence[Shown]) -> list[str]:
    """Empty when nothing was run."""
    plain = [one for one in shown if one.is_plain]
    surged = [one for one in shown if not one.part.variant and not one.is_plain]
    return [
        *_carried(plain),
        *_broke(plain),
        *_cost(plain),
        *(sentence for one in surged for sentence in _surged(one)),
        *(sentence for level in by_level(shown) for sentence in _variants(level)),
    ]


def knee(shown: Sequence[Shown]) -> Shown | None:
    """The level with the fewest clients that did not pass."""
    failed = [one for one in shown if one.is_plain and one.outcome != PASS]
    return min(failed, key=lambda one: one.part.clients, default=None)


def highest_passed(shown: Sequence[Shown]) -> Shown | None:
    """The level with the most clients that passed, below the first that did not."""
    broken = knee(shown)
    passed = [one for one in shown if one.is_plain and one.outcome == PASS]
    below = [one for one in passed if broken is None or one.part.clients < broken.part.clients]
    return max(below, key=lambda one: one.part.clients, default=None)


def _carried(plain: Sequence[Shown]) -> list[str]:
    best = highest_passed(plain)
    if best is None:
        return []
    rate, cpu = done_per_s(best.summary), best.summary["broker"]["cpu_percent"]
    ack = latencies(best.records, best.summary).get(Metric.ACK)
    parts = [format_rate(rate, "msg")] if rate is not None else []
    parts += [f"broker CPU {percent(cpu)} of a core"] if cpu is not None else []
    parts += [f"ack p99 {ack['p99']}"] if ack else []
    return [f"It carries {count(best.part.clients)} clients{f': {", ".join(parts)}' if parts else ''}."]


def _broke(plain: Sequence[Shown]) -> list[str]:
    first = knee(plain)
    if first is None:
        most = max((one.part.clients for one in plain), default=None)
        unknown = f"Nothing broke: where its limit lies, above {count(most)} clients, is not known."
        return [] if most is None else [unknown]
    reasons = first.summary["verdict"]["reasons"]
    why = reasons[0] if reasons else "no reason is stated"
    if first.outcome == INVALID:
        return [f"{first.name} says nothing about the broker: {why}."]
    verb = "What broke first, at" if first.outcome == "FAIL" else "What is not known, from"
    return [f"{verb} {first.name}: {why}."]


def _cost(plain: Sequence[Shown]) -> list[str]:
    """How the broker's CPU grows from the fewest clients that passed to the most."""
    known = {one.part.clients: one.summary["broker"]["cpu_percent"] for one in plain if one.outcome == PASS}
    points = sorted((clients, cpu) for clients, cpu in known.items() if cpu is not None)
    if len(points) < LEAST_FOR_SLOPE or points[-1][1] <= points[0][1]:
        return []
    (few, low), (many, high) = points[0], points[-1]
    each = 1000 * (high - low) / (many - few)
    return [f"From {count(few)} to {count(many)} clients each further 1,000 cost {percent(each)} of a core."]


def _surged(one: Shown) -> list[str]:
    return [f"{one.part.title}: {surge_sentence(surge)}." for surge in surges_of(one.summary)]


def _variants(level: Sequence[Shown]) -> list[str]:
    base, *variants = level
    if base.part.variant:  # the level itself was not run
        return []
    return [sentence for one in variants for sentence in _variant(base, one)]


def _variant(base: Shown, other: Shown) -> list[str]:
    """`3,000 clients: QoS 0 publishers bring the broker's CPU from 71 % to 55 %.`"""
    before, after = (one.summary["broker"]["cpu_percent"] for one in (base, other))
    head = f"{base.part.title}, {other.part.variant}"
    told = [] if base.outcome == other.outcome else [f"{other.outcome}, where the level itself is {base.outcome}"]
    if before is not None and after is not None:
        hardly = abs(after - before) < HARDLY_POINTS
        change = "hardly changes" if hardly else "goes down" if after < before else "goes up"
        told.append(f"the broker's CPU {change} from {percent(before)} to {percent(after)}" if not hardly
                    else f"the broker's CPU {change}: {percent(before)} and {percent(after)}")  # fmt: skip
    return [f"{head}: {'; '.join(told)}."] if told else []
