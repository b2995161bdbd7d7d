"""What the levels of a campaign come to, in sentences by rule: what it carries, what broke first, from where it
recovers, and what the variants change. Each sentence is plain text, and says nothing that the figures do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.outcome import Outcome
from malaria.analysis.surge_words import surge_sentence
from malaria.records.rows import Metric
from malaria.report.figure_text import count, latencies
from malaria.report.shown_levels import ShownLevel, by_level
from malaria.report.target_text import done_per_s, percent
from malaria.units import format_rate

PASS, FAIL, INVALID, UNKNOWN = (outcome.value for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.INVALID,
                                                              Outcome.UNKNOWN))  # fmt: skip
HARDLY_POINTS: Final = 2.0
"""Percent of a core: a smaller change of CPU is said to be hardly one."""
LEAST_FOR_SLOPE: Final = 3


def conclusions(shown: Sequence[ShownLevel]) -> list[str]:
    """Empty when nothing was run."""
    plain = [one for one in shown if one.is_plain]
    surged = [one for one in shown if not one.part.variant and not one.is_plain]
    return [
        *_carried(plain),
        *_broke(plain),
        *_doubtful(plain),
        *_cost(plain),
        *(sentence for one in surged for sentence in _surged(one)),
        *(sentence for level in by_level(shown) for sentence in _variants(level)),
    ]


def knee(shown: Sequence[ShownLevel]) -> ShownLevel | None:
    """Where it broke: the level with the fewest clients that failed.

    When none failed, the first level above the highest that passed of which nothing is known.
    """
    failed = _plain(shown, FAIL)
    if failed:
        return failed[0]
    best = highest_passed(shown)
    doubtful = [one for one in _plain(shown, INVALID, UNKNOWN) if best is None or one.part.clients > best.part.clients]
    return doubtful[0] if doubtful else None


def highest_passed(shown: Sequence[ShownLevel]) -> ShownLevel | None:
    """The level with the most clients that passed, below the first that failed."""
    failed = _plain(shown, FAIL)
    below = [one for one in _plain(shown, PASS) if not failed or one.part.clients < failed[0].part.clients]
    return below[-1] if below else None


def _plain(shown: Sequence[ShownLevel], *outcomes: str) -> list[ShownLevel]:
    """The levels themselves that came out so, from few clients to many."""
    return sorted((one for one in shown if one.is_plain and one.outcome in outcomes), key=lambda one: one.part.clients)


def _carried(plain: Sequence[ShownLevel]) -> list[str]:
    best = highest_passed(plain)
    if best is None:
        return []
    rate, cpu = done_per_s(best.summary), best.summary.broker.cpu_percent
    ack = latencies(best.records, best.summary).get(Metric.ACK)
    parts = [format_rate(rate, "msg")] if rate is not None else []
    parts += [f"broker CPU {percent(cpu)} of a core"] if cpu is not None else []
    parts += [f"ack p99 {ack['p99']}"] if ack else []
    return [f"It carries {count(best.part.clients)} clients{f': {", ".join(parts)}' if parts else ''}."]


def _broke(plain: Sequence[ShownLevel]) -> list[str]:
    failed, best = _plain(plain, FAIL), highest_passed(plain)
    if not failed:
        unknown = "Nothing broke: where its limit lies, above {}, is not known."
        return [unknown.format(f"{count(best.part.clients)} clients")] if best else []
    told = [f"What broke first, at {failed[0].name}: {_reason(failed[0])}."]
    above = [one.name for one in _plain(plain, PASS) if one.part.clients > failed[0].part.clients]
    return told + ([f"Above it, {_listed(above)} passed all the same."] if above else [])


def _doubtful(plain: Sequence[ShownLevel]) -> list[str]:
    """The levels that say nothing, or of which too little is known."""
    ours, unknown = _plain(plain, INVALID), _plain(plain, UNKNOWN)
    told = [f"{one.name}: {_reason(one)}." for one in unknown]
    if ours:
        names, verb = _listed([one.name for one in ours]), "says" if len(ours) == 1 else "say"
        why = _reason(ours[0]) if len(ours) == 1 else "the machine that made the load was the limit"
        told.append(f"{names} {verb} nothing about the broker: {why}.")
    return told


def _reason(one: ShownLevel) -> str:
    reasons = one.summary.verdict.reasons
    return reasons[0].text if reasons else "no reason is stated"


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a; b and c`: names have commas of their own."""
    return " and ".join(["; ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _cost(plain: Sequence[ShownLevel]) -> list[str]:
    """How the broker's CPU grows from the fewest clients that passed to the most."""
    known = {one.part.clients: one.summary.broker.cpu_percent for one in plain if one.outcome == PASS}
    points = sorted((clients, cpu) for clients, cpu in known.items() if cpu is not None)
    if len(points) < LEAST_FOR_SLOPE or points[-1][1] <= points[0][1]:
        return []
    (few, low), (many, high) = points[0], points[-1]
    each = 1000 * (high - low) / (many - few)
    return [f"From {count(few)} to {count(many)} clients each further 1,000 cost {percent(each)} of a core."]


def _surged(one: ShownLevel) -> list[str]:
    return [f"{one.part.title}: {surge_sentence(surge)}." for surge in one.summary.surges]


def _variants(level: Sequence[ShownLevel]) -> list[str]:
    base, *variants = level
    if base.part.variant:  # the level itself was not run
        return []
    return [sentence for one in variants for sentence in _variant(base, one)]


def _variant(base: ShownLevel, other: ShownLevel) -> list[str]:
    """`3,000 clients: QoS 0 publishers bring the broker's CPU from 71 % to 55 %.`"""
    before, after = (one.summary.broker.cpu_percent for one in (base, other))
    head = f"{base.part.title}, {other.part.variant}"
    told = [] if base.outcome == other.outcome else [f"{other.outcome}, where the level itself is {base.outcome}"]
    if before is not None and after is not None:
        hardly = abs(after - before) < HARDLY_POINTS
        change = "hardly changes" if hardly else "goes down" if after < before else "goes up"
        told.append(f"the broker's CPU {change} from {percent(before)} to {percent(after)}" if not hardly
                    else f"the broker's CPU {change}: {percent(before)} and {percent(after)}")  # fmt: skip
    return [f"{head}: {'; '.join(told)}."] if told else []
