"""The account of a run, from what its workers counted and what the conductor settled. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from malaria.control.conductor import Conductor
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity, groups_of
from malaria.records.ledger import Deliveries, SubscriberLosses
from malaria.records.rows import Counter, GroupLosses, LedgerTotals
from malaria.schedule.share import WHOLE
from malaria.units import format_things


def ledger_totals(warhead: Warhead, conductor: Conductor, counters: Mapping[str, int] | None) -> LedgerTotals:
    """Return the account; what cannot be known is None, with a sentence that says why.

    `counters` are summed over all workers; None when no worker ever reported.
    """
    publishing = any(group.publishes for group in warhead.groups)
    subscribing = any(group.subscribes for group in warhead.groups)
    lost = any(worker.lost for worker in conductor.workers.values())
    settled = conductor.deliveries() if publishing and subscribing and not lost else None
    counted = counters if publishing else None
    acknowledged = counted if any(group.qos for group in warhead.publishing) else None
    open_messages = conductor.open_messages() if publishing else None
    # forged headers are duplicates and out of order as well: how many of the real ones were is then unknown
    ordered = counted if settled and not settled.never_sent else None
    return LedgerTotals(
        due=_count(counted, Counter.DUE),
        sent=_count(counted, Counter.SENT),
        acked=_count(acknowledged, Counter.ACKED),
        expected=settled.expected if settled else None,
        delivered=settled.delivered if settled else None,
        duplicated=_count(ordered, Counter.DUPLICATED),
        duplicated_qos_2=_count(ordered, Counter.DUPLICATED_QOS_2),
        overlapping=_count(ordered, Counter.OVERLAPPING),
        reordered=_count(ordered, Counter.REORDERED),
        lost=settled.lost if settled else None,
        acked_lost=settled.acked_lost if settled else None,
        unresolved=settled.unresolved if settled else open_messages,
        unheard_publishers=settled.unheard_publishers if settled else None,
        unheard_lost=settled.unheard_lost if settled else None,
        losses=_losses(warhead, settled.by_subscriber) if settled else (),
        unacked=None if acknowledged is None else conductor.unacknowledged(),
        notes=tuple(
            _notes(
                conductor,
                publishing,
                subscribing,
                lost=lost,
                settled=settled,
                refused=_count(counters, Counter.SUBSCRIPTIONS_REFUSED) or 0,
            )
        ),
    )


def _losses(warhead: Warhead, found: SubscriberLosses | None) -> tuple[GroupLosses, ...]:
    """Return the losses of each group of subscribers that lost any, the largest first."""
    if found is None:
        return ()
    losses: list[GroupLosses] = []
    for group in groups_of(warhead, WHOLE, Identity("", 0, 0)):
        if not group.group.subscribes:
            continue
        own = np.isin(found.subscriber, group.numbers)
        lost = int(found.lost[own].sum())
        if lost:
            losers = int(np.count_nonzero(found.lost[own]))
            expected, acked = int(found.expected[own].sum()), int(found.acked_lost[own].sum())
            losses.append(GroupLosses(group.group.name, group.count, losers, expected, lost, acked))
    return tuple(sorted(losses, key=lambda group: -group.lost))


def _notes(
    conductor: Conductor,
    publishing: bool,
    subscribing: bool,
    *,
    lost: bool,
    settled: Deliveries | None,
    refused: int = 0,
) -> Iterator[str]:
    if lost:
        yield "A worker was lost: counts go up to its last report, and deliveries cannot be settled."
        yield "What it had not finished by then counts neither as unresolved nor as never acknowledged."
    elif subscribing and not publishing:
        yield "No client of this run publishes, so what should arrive is not known."
    elif subscribing and settled is None:
        yield f"Deliveries are not followed: {conductor.account_note()}."
    if settled is not None and settled.never_sent:
        arrivals = format_things(settled.never_sent, "arrival")
        yield f"{arrivals} had the header of a message that no client had sent: not counted as delivered."
        yield "Which messages came twice or out of order is not known then."
    if settled is not None and refused:
        yield f"Nothing is expected of {format_things(refused, 'refused subscription')}."


def _count(counters: Mapping[str, int] | None, counter: Counter) -> int | None:
    return None if counters is None else counters.get(counter, 0)
