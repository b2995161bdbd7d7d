"""The answer in one line, and what to do in the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary
from malaria.analysis.surge_words import surge_name
from malaria.analysis.windows import total
from malaria.records.rows import Counter
from malaria.records.run import Run
from malaria.units import format_count, format_rate

ON_TARGET: Final = 0.02
"""Within two percent of what was due."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The outcome in one word, `what` in one sentence, `remedy` (may be empty), and the further reasons."""

    outcome: Outcome
    what: str
    remedy: str
    further: tuple[str, ...]


def headline(run: Run, summary: Summary) -> Headline:
    """Return the verdict on a run in words."""
    verdict = summary.verdict
    reasons = verdict.reasons
    if verdict.outcome is Outcome.PASS:
        return Headline(Outcome.PASS, _praise(run, summary), "", tuple(reason.text for reason in reasons))
    further = tuple(reason.text for reason in reasons[1:] if reason.outcome is verdict.outcome)
    return Headline(verdict.outcome, reasons[0].text, reasons[0].remedy, further)


def _praise(run: Run, summary: Summary) -> str:
    """Say what was carried, never more than the figures show."""
    parts = [part for part in (_rate(run, summary), _losses(summary)) if part] or _clients(run, summary)
    parts += [f"held {surge_name(surge)}" for surge in summary.surges if surge.held]
    if not parts:
        return "every rule holds"
    unseen = run.meta.closed_loop and summary.rates.acked_per_s is None and summary.rates.sent_per_s is not None
    return ", ".join(parts) if unseen else f"the broker carried it: {', '.join(parts)}"


def _rate(run: Run, summary: Summary) -> str:
    rates = summary.rates
    done = rates.acked_per_s if rates.acked_per_s is not None else rates.sent_per_s
    if done is None:
        return ""
    if run.meta.closed_loop:
        return _closed_loop_rate(run, summary, done)
    due = rates.due_per_s or 0
    on_target = abs(done - due) <= ON_TARGET * due
    return f"{format_rate(done, 'msg')} {'on target' if on_target else f'of {format_rate(due, "msg")}'}"


def _closed_loop_rate(run: Run, summary: Summary, done_per_s: float) -> str:
    """Say what a closed loop measured. At QoS 0 nothing is answered, and only the subscribers know what got through."""
    if summary.rates.acked_per_s is not None:
        return f"{format_rate(done_per_s, 'msg')}, as fast as it answered (closed loop)"
    sent = f"the sockets of this machine took {format_rate(done_per_s, 'msg')} (closed loop, QoS 0)"
    if summary.rates.delivered_per_s is None:
        return f"{sent}; what the broker took is not known"
    return f"{sent}, {format_count(summary.rates.delivered_per_s)} deliveries/s"


def _losses(summary: Summary) -> str:
    messages = summary.messages
    if messages.lost is None:
        return "every message acknowledged" if messages.unresolved == 0 and messages.acked else ""
    if messages.expected == 0:
        return "no subscription matches what was published"
    return "nothing lost" if not messages.lost else f"{format_count(messages.lost)} lost"


def _clients(run: Run, summary: Summary) -> list[str]:
    """Return the figures of a run that publishes nothing."""
    clients = summary.clients
    if not clients.connected:
        return []
    arrived = total(run.samples, Counter.ARRIVED)
    if run.meta.subscribing:
        return [f"{format_count(clients.connected)} subscribed", f"{format_count(arrived)} messages arrived"]
    return [f"{format_count(clients.connected)} clients connected", f"{format_count(clients.dropped or 0)} dropped"]
