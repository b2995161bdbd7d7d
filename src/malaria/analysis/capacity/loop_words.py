"""Say in sentences what a staircase has shown: where the target tipped, whether it came back, and what kept it sick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from malaria.analysis.capacity.target_loop import BACKLOG, RECONNECTS, REPLAY, RETRANSMISSIONS
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import LoopFigures, SignFigures, Summary, TriggerFigures
from malaria.records.run import Run
from malaria.units import format_count, format_duration_ns, format_rate, format_things

MOST_SIGNS: Final = 3
"""Signs in one sentence."""


def offered(load: int, *, by_rate: bool) -> str:
    """Return `3,050 clients` or `3,050 msg/s`."""
    return format_rate(load, "msg") if by_rate else format_things(load, "client")


def staircase_result(run: Run, summary: Summary) -> list[Reason]:
    """Return the reason of the verdict over a staircase: where it tipped, or that it did not."""
    loop, facts = summary.loop, run.meta.staircase
    if loop is None or facts is None:
        return [Reason(Outcome.UNKNOWN, "no rung of the staircase was seen to its end")]
    by_rate = facts.by_rate is True
    last = [rung for rung in loop.rungs if rung.way == "up"][-1]
    if last.well is None:
        text = f"this machine was the limit at {offered(last.load, by_rate=by_rate)}: {last.reason}"
        return [Reason(Outcome.INVALID, text, "add --workers or a bee")]
    if loop.tipping is None:
        return [Reason(Outcome.PASS, f"climbed to {offered(last.load, by_rate=by_rate)} without tipping")]
    text = f"{tipping_sentence(loop, by_rate=by_rate)}: {last.reason}"
    return [Reason(Outcome.FAIL, text, "see what broke first, and the loop")]


def tipping_sentence(loop: LoopFigures, *, by_rate: bool) -> str:
    """Return `tips at 3,400 clients, well again at 1,900 (0.56 of it), 38 s after; no restart needed`."""
    if loop.tipping is None:
        return "did not tip"
    tips = f"tips at {offered(loop.tipping, by_rate=by_rate)}"
    if loop.recovery is not None and loop.ratio is not None:
        after = f", {_seconds(loop.recovery_s)} after" if loop.recovery_s else ", at once"
        return f"{tips}, well again at {format_count(loop.recovery)} ({loop.ratio:.2f} of it){after}; no restart needed"
    down = [rung for rung in loop.rungs if rung.way == "down"]
    if not down:
        return f"{tips}; the way back was not seen"
    lowest = offered(min(rung.load for rung in down), by_rate=by_rate)
    if loop.restart_needed:
        return f"{tips}, and did not get well again at {lowest}: a restart is needed"
    return f"{tips}, and was not yet well again at {lowest}"


def loop_lines(loop: LoopFigures, *, by_rate: bool) -> list[str]:
    """Return the sentences on the loop, the weightiest first; nothing if the target did not tip."""
    if loop.tipping is None:
        return []
    lines = [tipping_sentence(loop, by_rate=by_rate)]
    if loop.sustained_by is not None:
        lines.append(f"kept sick by: {_sustained(loop)}")
    lines += _costs(loop)
    return lines


def trigger_sentence(trigger: TriggerFigures, *, by_rate: bool) -> str:
    """Return `at 50 % (1,525 clients): +4,000 for 5 s does not heal within 30 s; +3,000 does`."""
    where = f"at {100 * trigger.share:g} % ({offered(trigger.load, by_rate=by_rate)})"
    surge_s, within = _seconds(trigger.surge_s), f"within {_seconds(trigger.heal_s)}"
    if trigger.surge is None and trigger.healed is None:
        return f"{where}: not known"
    if trigger.surge is None:
        return f"{where}: every surge up to +{format_count(trigger.healed or 0)} for {surge_s} healed {within}"
    smallest = "" if trigger.healed is None else f"; +{format_count(trigger.healed)} does"
    return f"{where}: +{format_count(trigger.surge)} for {surge_s} does not heal {within}{smallest}"


def broke_first_sentence(signs: Sequence[SignFigures], bytes_wait: str | None) -> str:
    """Return `broker CPU: the broker used 97 % of a core; 2 s later: its queue grew by 64 messages/s`; "": no sign."""
    parts = list(_signs(signs))
    if bytes_wait is not None:
        parts.append(f"bytes wait where {bytes_wait}" if "not" in bytes_wait else f"messages wait: {bytes_wait}")
    return "; ".join(parts)


def _signs(signs: Sequence[SignFigures]) -> Iterator[str]:
    for place, sign in enumerate(signs[:MOST_SIGNS]):
        if not place:
            yield f"{sign.what}: {sign.text}"
            continue
        later_s = sign.at_s - signs[0].at_s
        yield f"{f'{_seconds(later_s)} later' if later_s else 'in the same second'}: {sign.text}"


def _sustained(loop: LoopFigures) -> str:
    packets, before = loop.packets_per_message, loop.healthy_packets_per_message
    if loop.sustained_by == RETRANSMISSIONS and packets is not None:
        healthy = "" if before is None else f"; {before:.1f} in health"
        return f"{RETRANSMISSIONS} ({packets:.1f} packets per message{healthy})"
    if loop.sustained_by == RECONNECTS and loop.connects_per_lost is not None:
        return f"{RECONNECTS} ({loop.connects_per_lost:.1f} connects per lost client)"
    if loop.sustained_by == REPLAY and loop.duplicates_per_message is not None:
        return f"{REPLAY} ({loop.duplicates_per_message:.2f} duplicates per message)"
    return f"{BACKLOG}, which did not shrink" if loop.sustained_by == BACKLOG else str(loop.sustained_by)


def _costs(loop: LoopFigures) -> list[str]:
    """Return what the trouble cost besides, without what the sentence on the loop says."""
    costs = []
    if loop.never_back:
        costs.append(f"{format_things(loop.never_back, 'client')} never came back")
    if loop.connects_per_lost is not None and loop.sustained_by != RECONNECTS:
        costs.append(f"{loop.connects_per_lost:.1f} connects per lost client")
    if loop.duplicates_per_message and loop.sustained_by != REPLAY:
        costs.append(f"{loop.duplicates_per_message:.2f} duplicates per message")
    return ["; ".join(costs)] if costs else []


def _seconds(seconds: float) -> str:
    return format_duration_ns(round(seconds * 1_000_000_000))
