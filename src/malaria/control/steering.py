"""Decide what becomes of a change that a person wants: whether it fits the load, and the orders that make it.

Pure: no clock, no I/O. The conductor keeps the schedule of changes; this module turns a wish into one.
"""

from __future__ import annotations

from typing import Final

from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.control.change_checks import check_change
from malaria.control.change_schedule import HAND_NOTICE_NS
from malaria.control.changes import ChangeRate, DisconnectClients, describe_change
from malaria.control.conductor import Conductor
from malaria.control.messages import Order
from malaria.errors import OperatorError
from malaria.model.group import Group
from malaria.model.wanted_change import Verb, WantedChange
from malaria.model.warhead import Warhead
from malaria.records.rows import RunPhase
from malaria.units import format_clock

LOADING: Final = (RunPhase.WARMUP, RunPhase.MEASURE)


class Steering:
    """Answers wishes for one attack."""

    def __init__(self, warhead: Warhead, conductor: Conductor) -> None:
        self._warhead = warhead
        self._conductor = conductor

    def decide(self, wanted: WantedChange, at_ns: int, *, only_look: bool) -> tuple[ChangeAnswer, list[Order]]:
        """Return the answer, and the orders that carry the change out; none with `only_look`."""
        if self._conductor.phase not in LOADING:
            text = f"no load runs: the attack is in its phase {self._conductor.phase.value}"
            return ChangeAnswer(AnswerKind.CONFLICT, text), []
        if wanted.verb is Verb.END:
            orders = [] if only_look else self._conductor.end_load(at_ns)
            return ChangeAnswer(
                AnswerKind.TAKEN, "the load ends, and what is under way is waited for", "", at_ns
            ), orders
        try:
            change = self._change(wanted)
            check_change(change, self._warhead)
        except OperatorError as error:
            return ChangeAnswer(AnswerKind.REFUSED, error.message, error.remedy), []
        effect_ns = at_ns + HAND_NOTICE_NS
        since_s = (effect_ns - (self._conductor.measure_start_ns or 0)) / NS_PER_S
        answer = ChangeAnswer(AnswerKind.TAKEN, f"{describe_change(change)} at {format_clock(since_s)}", "", effect_ns)
        return answer, [] if only_look else self._conductor.change(change, at_ns)

    def _change(self, wanted: WantedChange) -> ChangeRate | DisconnectClients:
        group = self._group(wanted)
        if wanted.verb is Verb.RATE and wanted.interval is not None:
            return ChangeRate(group.name, wanted.interval)
        if wanted.verb is Verb.CUT:
            part = wanted.clients if wanted.part is None else round(wanted.part * group.clients)
            return DisconnectClients(group.name, min(part or 0, group.clients))
        raise OperatorError(f"{wanted.in_words} cannot be done to a running load yet")

    def _group(self, wanted: WantedChange) -> Group:
        """Return the group that a change concerns. Raises OperatorError where that is not clear."""
        groups = self._warhead.groups if wanted.verb is not Verb.RATE else self._warhead.publishing
        if wanted.group is None:
            # the load that people mean is that of the publishers
            groups = self._warhead.publishing or groups
            if len(groups) == 1:
                return groups[0]
        for group in self._warhead.groups:
            if group.name == wanted.group:
                return group
        names = ", ".join(group.name for group in groups)
        missing = f"there is no group {wanted.group!r}" if wanted.group else f"{wanted.in_words}: of which group?"
        raise OperatorError(missing, f"write GROUP: before the change; there is {names}")
