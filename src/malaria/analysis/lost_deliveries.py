"""Says who lost messages and why: the group of subscribers, what each was sent, and what is known of the cause."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from malaria.analysis.broker_end import broker_end, moment
from malaria.analysis.summary_figures import Summary
from malaria.analysis.windows import load_window_ns, total
from malaria.clock import NS_PER_S
from malaria.model.group_keys import Role
from malaria.model.warhead_options import GROUP_NAMES
from malaria.records.rows import Counter, GroupLosses
from malaria.records.run import Run
from malaria.units import format_count, format_rate, format_things

GROUPS_NAMED: Final = 2
"""In one sentence; the others are counted."""
UNTOLD: Final = "the broker does not say why"


def who_lost(run: Run, summary: Summary, signs: str = "") -> str:
    """Return `backend (1 subscriber) lost 1,100 of 2,500 deliveries: …`; empty where it is not known who lost.

    `signs` are what points to a cause that the broker does not name.
    """
    losses = run.ledger.losses if run.ledger is not None else ()
    if not losses:
        return ""
    groups = "; ".join(_of_group(group) for group in losses[:GROUPS_NAMED])
    left = len(losses) - GROUPS_NAMED
    more = f"; and {format_things(left, 'more group')}" if left > 0 else ""
    causes = ", and ".join((*_sent_to_each(run, losses[0]), _cause(run, summary) or signs or UNTOLD))
    return f"{groups}{more}: {causes}; {_acknowledged(run, summary)}"


def _of_group(losses: GroupLosses) -> str:
    whole = format_things(losses.subscribers, "subscriber")
    who = whole if losses.losers >= losses.subscribers else f"{format_count(losses.losers)} of {whole}"
    named = who if losses.group == GROUP_NAMES[Role.SUBSCRIBE] else f"{losses.group} ({who})"
    return f"{named} lost {format_count(losses.lost)} of {format_count(losses.expected)} deliveries"


def _sent_to_each(run: Run, losses: GroupLosses) -> Iterator[str]:
    window = load_window_ns(run)
    one = "it" if losses.subscribers == 1 else "each"
    if window is not None and window[1] > window[0]:
        per_s = losses.expected / losses.subscribers * NS_PER_S / (window[1] - window[0])
        yield f"{one} was sent {format_rate(per_s, 'msg')}"


def _cause(run: Run, summary: Summary) -> str:
    """Return what is known of the cause: the end of the broker, a full queue, a lost connection; empty: nothing."""
    end = broker_end(run)
    if end is not None:
        return f"the broker was gone {moment(run, end.at_ns)}"
    limit = run.meta.broker.queue_limit if run.meta.broker is not None else None
    dropped = summary.broker.dropped
    holds = f"a queue at the broker holds {format_count(limit)}" if limit else ""
    if dropped:
        told = f"the broker says that it dropped {format_count(dropped)}"
        return f"{holds}: {told}" if holds else f"{told}, as from a full queue"
    if lost := total(run.samples, Counter.DROPPED):
        return f"{format_things(lost, 'connection')} broke meanwhile"
    return holds


def _acknowledged(run: Run, summary: Summary) -> str:
    messages = summary.messages
    if run.meta.acknowledged is False and not messages.acked:
        return "publishes at QoS 0 have no acknowledgement"
    if messages.acked and messages.acked == messages.sent:
        return "all publishes were acknowledged"
    acked = messages.acked_lost
    return f"{format_count(acked)} of the lost were acknowledged" if acked else "none of the lost were acknowledged"
