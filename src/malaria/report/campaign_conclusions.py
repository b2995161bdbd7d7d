"""Say in sentences made by rule what the levels of a campaign show: what the broker carries, what broke first, how it
recovers, and what the variants change. The sentences are plain texts and say nothing that the figures do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from malaria.analysis.headroom import broker_limit
from malaria.analysis.knee import highest_passed, plain_levels
from malaria.analysis.known_delays import NAGLE, NAGLE_BAND_MS
from malaria.analysis.outcome import Outcome
from malaria.analysis.surge_words import surge_sentence
from malaria.records.rows import Metric
from malaria.report.figure_text import count, latencies
from malaria.report.shown_levels import ShownLevel, by_level
from malaria.report.target_text import done_per_s, percent
from malaria.units import format_ms, format_rate

PASS, FAIL, INVALID, UNKNOWN = (outcome.value for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.INVALID,
                                                              Outcome.UNKNOWN))  # fmt: skip
SMALL_CHANGE_POINTS: Final = 2.0
"""Percent of a core: a change of CPU below this is called hardly a change."""
LEAST_FOR_SLOPE: Final = 3
"""Levels that the cost of a client needs; two would always lie on a line."""

LEAST_GROWTH: Final = 3
"""Times the smallest load: a latency that stays over less may still move with the load."""
STEADY_RATIO: Final = 2.2
"""Of the largest to the smallest p99: with more it moves with the load."""


def conclusions(shown: Sequence[ShownLevel]) -> list[str]:
    """Return the sentences in the order in which a reader asks; nothing if nothing was run."""
    plain = [one for one in shown if one.is_plain]
    surged = [one for one in shown if not one.part.variant and not one.is_plain]
    return [
        *_carried(plain),
        *_broke(plain),
        *_at_limit(plain),
        *_doubtful(plain),
        *_plateau(plain),
        *_cost(plain),
        *(sentence for one in surged for sentence in _surged(one)),
        *(sentence for level in by_level(shown) for sentence in _variants(level)),
    ]


def _carried(plain: Sequence[ShownLevel]) -> list[str]:
    best = highest_passed(plain)
    if best is None:
        return []
    rate, cpu = done_per_s(best.summary), best.summary.broker.cpu_percent
    ack = latencies(best.run, best.summary).get(Metric.ACK)
    figures = [format_rate(rate, "msg")] if rate is not None else []
    figures += [f"broker CPU {percent(cpu)} of a core"] if cpu is not None else []
    figures += [f"ack p99 {ack['p99']}"] if ack else []
    return [f"The broker carries {count(best.part.clients)} clients{f': {", ".join(figures)}' if figures else ''}."]


def _broke(plain: Sequence[ShownLevel]) -> list[str]:
    failed, best = plain_levels(plain, FAIL), highest_passed(plain)
    if not failed:
        # without a failed level the limit was not found, only a lower bound of it
        if best is None or _full(plain):
            return []
        return [f"Nothing broke: the limit is above {count(best.part.clients)} clients."]
    sentences = [f"What broke first, at {failed[0].name}: {_reason(failed[0])}."]
    # a pass above a failure is named: it puts the limit in doubt
    above = [one.name for one in plain_levels(plain, PASS) if one.part.clients > failed[0].part.clients]
    return sentences + ([f"Above that, {_listed(above)} passed."] if above else [])


def _full(plain: Sequence[ShownLevel]) -> list[ShownLevel]:
    """Return the levels at which the broker was at a limit of its surroundings, the fewest clients first."""
    full = [one for one in plain if one.outcome in (PASS, FAIL) and broker_limit(one.summary.broker)]
    return sorted(full, key=lambda one: one.part.clients)


def _at_limit(plain: Sequence[ShownLevel]) -> list[str]:
    full = _full(plain)
    if not full:
        return []
    limit, from_ = broker_limit(full[0].summary.broker), count(full[0].part.clients)
    return [f"The broker was at {limit} from {from_} clients on: figures of more load are those of that limit."]


def _doubtful(plain: Sequence[ShownLevel]) -> list[str]:
    """Return sentences for the levels that say nothing about the broker, or too little."""
    invalid, unknown = plain_levels(plain, INVALID), plain_levels(plain, UNKNOWN)
    sentences = [f"{one.name}: {_reason(one)}." for one in unknown]
    if invalid:
        names, verb = _listed([one.name for one in invalid]), "says" if len(invalid) == 1 else "say"
        # several levels may be invalid for different reasons: the page has each
        why = _reason(invalid[0]) if len(invalid) == 1 else "the machine that made the load was the limit"
        sentences.append(f"{names} {verb} nothing about the broker: {why}.")
    return sentences


def _reason(one: ShownLevel) -> str:
    reasons = one.summary.verdict.reasons
    return reasons[0].text if reasons else "no reason is stated"


def _listed(names: Sequence[str]) -> str:
    """Return `a`, `a and b`, or `a; b and c`: names may have commas of their own."""
    return " and ".join(["; ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _plateau(plain: Sequence[ShownLevel]) -> list[str]:
    """Return a sentence on deliveries that wait for up to 40 ms at every load: the load is not the cause."""
    known = sorted(
        (one.part.clients, end_to_end.p99, ack.p99)
        for one in plain
        for latency in [one.summary.latency_ms]
        if (end_to_end := latency.get(Metric.END_TO_END)) is not None and end_to_end.p99 is not None
        if (ack := latency.get(Metric.ACK)) is not None and ack.p99 is not None
    )
    if len(known) < LEAST_FOR_SLOPE or known[-1][0] < LEAST_GROWTH * known[0][0]:
        return []
    p99s = [p99 for _, p99, _ in known]
    low, high = min(p99s), max(p99s)
    steady = NAGLE_BAND_MS[0] <= low and high <= NAGLE_BAND_MS[1] and high <= STEADY_RATIO * low
    if not steady or any(ack > p99 / 2 for _, p99, ack in known):
        return []
    return [f"End to end p99 stays at {format_ms(low)} to {format_ms(high)} at every load, and ack does not: {NAGLE}."]


def _cost(plain: Sequence[ShownLevel]) -> list[str]:
    """Return how the broker's CPU grows from the fewest clients that passed to the most."""
    full = _full(plain)
    most = full[0].part.clients if full else math.inf  # from the limit on, more clients cannot cost more
    passed = [one for one in plain if one.outcome == PASS and one.part.clients < most]
    known = {one.part.clients: one.summary.broker.cpu_percent for one in passed}
    points = sorted((clients, cpu) for clients, cpu in known.items() if cpu is not None)
    # a cost of nothing, or below it, is noise
    if len(points) < LEAST_FOR_SLOPE or points[-1][1] <= points[0][1]:
        return []
    (few, low), (many, high) = points[0], points[-1]
    each = 1000 * (high - low) / (many - few)
    return [f"From {count(few)} to {count(many)} clients, each 1,000 more cost {percent(each)} of a core."]


def _surged(one: ShownLevel) -> list[str]:
    return [f"{one.part.title}: {surge_sentence(one.run, surge)}." for surge in one.summary.surges]


def _variants(level: Sequence[ShownLevel]) -> list[str]:
    base, *variants = level
    if base.part.variant:  # the level itself was not run: there is nothing to compare with
        return []
    # another run of the same load changes nothing on purpose
    return [sentence for one in variants if (one.part.repeat or 1) == 1 for sentence in _variant(base, one)]


def _variant(base: ShownLevel, other: ShownLevel) -> list[str]:
    """Return `3,000 clients, QoS 0 publishers: the broker's CPU goes down from 71 % to 55 %.`"""
    before, after = (one.summary.broker.cpu_percent for one in (base, other))
    changes = [] if base.outcome == other.outcome else [f"{other.outcome}, while the level itself is {base.outcome}"]
    # a change needs both figures
    if before is not None and after is not None:
        changes.append(_cpu_change(before, after))
    return [f"{base.part.title}, {other.part.variant}: {'; '.join(changes)}."] if changes else []


def _cpu_change(before: float, after: float) -> str:
    if abs(after - before) < SMALL_CHANGE_POINTS:
        return f"the broker's CPU hardly changes: {percent(before)} and {percent(after)}"
    return f"the broker's CPU goes {'down' if after < before else 'up'} from {percent(before)} to {percent(after)}"
