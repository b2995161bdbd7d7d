"""The account of a run, from what its workers counted and what the conductor settled. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from malaria.control.conductor import Conductor
from malaria.control.steering import TakenChange
from malaria.model.wanted_change import Verb
from malaria.model.warhead import Warhead
from malaria.plan.clients import GroupPlan, Identity, groups_of
from malaria.plan.streams import needs_topics
from malaria.records.ledger import Deliveries, SubscriberLosses
from malaria.records.rows import UNCOUNTED, Counter, GroupLosses, LedgerTotals
from malaria.schedule.payload import HEADER_PROPERTY, HEADER_SIZE
from malaria.schedule.share import WHOLE
from malaria.units import format_things

PROPERTY_BYTES: Final = 1 + 2 + len(HEADER_PROPERTY) + 2 + 2 * HEADER_SIZE
"""Of the user property: its number, and name and value with their lengths (MQTT 5, 2.2.2)."""


def ledger_totals(
    warhead: Warhead,
    conductor: Conductor,
    counters: Mapping[str, int] | None,
    taken: Sequence[TakenChange] = (),
) -> LedgerTotals:
    """Return the account; what cannot be known is None, with a sentence that says why.

    `counters` are summed over all workers; None when no worker ever reported. `taken` are the changes of the load.
    """
    publishing = any(group.publishes for group in warhead.groups)
    subscribing = any(group.subscribes for group in warhead.groups)
    lost = any(worker.lost for worker in conductor.workers.values())
    settled = conductor.deliveries() if publishing and subscribing and not lost else None
    left_out = tuple(_left_out(warhead, taken, settled)) if settled else ()
    if settled and not settled.expected and left_out:
        settled, subscribing = None, False  # nobody is left to whom anything would be owed
    counted = counters if publishing else None
    acknowledged = counted if any(group.qos for group in warhead.publishing) else None
    open_messages = conductor.open_messages() if publishing else None
    # forged headers are duplicates and out of order as well: how many of the real ones were is then unknown
    publishers = [group for group in groups_of(warhead, WHOLE, Identity("", 0, 0)) if group.group.publishes]
    by_order = needs_topics(publishers)  # then a repeat looks like the next message
    ordered = counted if settled and not settled.never_sent and not by_order else None
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
        notes=(
            *_notes(
                conductor,
                publishing,
                subscribing,
                lost=lost,
                settled=settled,
                refused=_count(counters, Counter.SUBSCRIPTIONS_REFUSED) or 0,
            ),
            *(_how_followed(publishers, settled) if settled else ()),
            *left_out,
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
        if subscribing and any("/" in name for name in conductor.lost_workers):
            yield "End to end latencies are those up to the loss: what a lost bee has sent may arrive long after it."
    elif subscribing and not publishing:
        yield "No client of this run publishes, so what should arrive is not known."
    elif subscribing and settled is None:
        yield f"{UNCOUNTED}: {conductor.account_note()}."
    if settled is not None and refused:
        yield f"Nothing is expected of {format_things(refused, 'refused subscription')}."


def _how_followed(publishers: Sequence[GroupPlan], settled: Deliveries) -> Iterator[str]:
    """Say how messages without a header in their payload were told, and what is not known of them."""
    if any(group.header_in_property for group in publishers):
        yield (
            f"Payloads under {HEADER_SIZE} bytes have no room for malaria's header: a user property carries it, which "
            f"makes each message {PROPERTY_BYTES} bytes larger on the wire."
        )
    if not needs_topics(publishers):
        if settled.never_sent:
            arrivals = format_things(settled.never_sent, "arrival")
            yield f"{arrivals} had the header of a message that no client had sent: not counted as delivered."
            yield "Which messages came twice or out of order is not known then."
        return
    yield (
        "Messages without malaria's header were counted by topic and order: repeats, order and end-to-end latency are "
        "not known, and a message that came twice hides one that was lost."
    )
    if settled.never_sent:
        yield f"{format_things(settled.never_sent, 'message')} more came than were sent: some came twice."


def _left_out(warhead: Warhead, taken: Sequence[TakenChange], settled: Deliveries) -> Iterator[str]:
    """Say what is not part of the account because the load was changed while it ran."""
    listening = {group.name: group for group in warhead.groups if group.subscribes}
    for name in dict.fromkeys(change.wanted.group for change in taken):
        if name not in listening:
            continue
        verbs = {change.wanted.verb for change in taken if change.wanted.group == name}
        if not listening[name].keeps_deliveries and verbs & {Verb.CUT, Verb.STORM}:
            verbs.add(Verb.REMOVE)
        if listening[name].shares_one:
            if Verb.REMOVE in verbs:
                yield f"Nothing is expected of the shared subscription of {name}: members were removed or cut off."
            continue
        what = [words for verb, words in _LEFT_OUT.items() if verb in verbs]
        if what:
            yield f"Nothing is expected of clients of {name} that were {', '.join(what)} while the load ran."
    if settled.cut_off:
        messages = format_things(settled.cut_off, "message")
        yield f"{messages} under way when a change broke their connection did not arrive, and are not expected."


_LEFT_OUT: Final = {Verb.ADD: "added", Verb.REMOVE: "removed or cut off"}


def _count(counters: Mapping[str, int] | None, counter: Counter) -> int | None:
    return None if counters is None else counters.get(counter, 0)
