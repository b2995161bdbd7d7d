"""The answer in one line, and what to do in the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from malaria.analysis.verdict import Outcome, judge
from malaria.records import RunRecords
from malaria.units import format_count, format_rate

ON_TARGET: Final = 0.02
"""Within two percent of what was due."""


@dataclass(frozen=True, slots=True)
class Headline:
    """`outcome` in one word, `what` in one sentence, `remedy` (may be empty), and the further reasons."""

    outcome: Outcome
    what: str
    remedy: str
    further: tuple[str, ...]


def headline(records: RunRecords, summary: Mapping[str, Any]) -> Headline:
    """What a run came to, in words."""
    verdict = judge(records, summary)
    reasons = verdict.reasons
    if verdict.outcome is Outcome.PASS:
        return Headline(Outcome.PASS, _praise(records, summary), "", tuple(reason.text for reason in reasons))
    further = tuple(reason.text for reason in reasons[1:] if reason.outcome is verdict.outcome)
    return Headline(verdict.outcome, reasons[0].text, reasons[0].remedy, further)


def _praise(records: RunRecords, summary: Mapping[str, Any]) -> str:
    """Never more than the figures say."""
    parts = [part for part in (_rate(records, summary), _losses(summary)) if part]
    if parts:
        return f"the broker carried it: {', '.join(parts)}"
    clients = summary["clients"]["connected"]
    return f"the broker carried it: {format_count(clients)} clients connected, none dropped" if clients else "nothing broke"


def _rate(records: RunRecords, summary: Mapping[str, Any]) -> str:
    rates = summary["rates"]
    done = rates["acked_per_s"] if rates["acked_per_s"] is not None else rates["sent_per_s"]
    if done is None:
        delivered = rates["delivered_per_s"]
        return "" if delivered is None else f"{format_rate(delivered, 'msg')} delivered"
    due = rates["due_per_s"]
    if records.meta.get("closed_loop"):
        return f"{format_rate(done, 'msg')} as fast as it answered (closed loop)"
    on_target = due and abs(done - due) <= ON_TARGET * due
    return f"{format_rate(done, 'msg')} on target" if on_target else f"{format_rate(done, 'msg')} of {format_rate(due or 0, 'msg')}"


def _losses(summary: Mapping[str, Any]) -> str:
    messages = summary["messages"]
    if messages["lost"] is None:
        return "every message acknowledged" if messages["unresolved"] == 0 and messages["acked"] else ""
    return "nothing lost" if not messages["lost"] else f"{format_count(messages['lost'])} lost"
