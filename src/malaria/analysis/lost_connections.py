"""Name the causes of failed and lost connections, as phrases for the sentences of a verdict."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from typing import Final

from malaria.analysis.windows import total
from malaria.records.rows import CONNECTION_LOST, Counter, EventKind
from malaria.records.run import Run
from malaria.units import format_count, format_things

MOST_CAUSES: Final = 3
"""Named in one sentence."""
SAME_IDS: Final = "another client uses the same client ids, perhaps a second attack: put {run} into --client-id"
MAYBE_SAME_IDS: Final = (
    "look at the broker's log. The client ids lack {run}: a second attack with the same ids would take the connections "
    "over, which MQTT 3.1.1 cannot tell, nor every broker of MQTT 5; put {run} into --client-id"
)


def lost_connections(run: Run) -> dict[str, int]:
    """Return why connections of READY clients ended, with how many there were of each cause."""
    causes: Tally[str] = Tally()
    for event in run.events:
        if event.kind is EventKind.TROUBLE and event.text.startswith(CONNECTION_LOST):
            causes[event.text.removeprefix(CONNECTION_LOST)] += event.count
    return dict(causes)


def listed_causes(counts: Mapping[str, int]) -> str:
    """Return the causes, the commonest first, each with its count where there are several; empty without any."""
    ordered = sorted(counts, key=lambda cause: -counts[cause])
    if len(ordered) < 2:
        return "".join(ordered)
    named = [f"{cause} ({format_count(counts[cause])})" for cause in ordered[:MOST_CAUSES]]
    left = len(ordered) - len(named)
    return "; ".join(named) + (f"; and {format_things(left, 'more cause')}" if left else "")


def connect_remedy(run: Run) -> str:
    """Return what to do about the commonest cause of failed or lost connections; empty if nothing is known about it."""
    failures = run.meta.connect_failures
    cause = max(failures, key=lambda reason: failures[reason], default="")
    return run.meta.remedies.get(cause, "") if failures or not lost_connections(run) else takeover_remedy(run)


def takeover_remedy(run: Run) -> str:
    """Return what to do when clients with the same id take each other over; empty when nothing points to that.

    In MQTT 5 a broker can name a takeover. In 3.1.1 it only closes, so all that is known is whether it could be one.
    """
    if total(run.samples, Counter.TAKEN_OVER):
        return SAME_IDS
    return MAYBE_SAME_IDS if run.meta.own_client_ids is False else ""
