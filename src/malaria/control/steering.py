"""Decide what becomes of a change that somebody wants: whether it fits the load, what it will do, and its orders.

Pure: no clock, no I/O. The conductor keeps the schedule of changes; this module turns a wish into one. A look ahead
gives the same sentences, and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.control.changes import Change, ChangeRate, DisconnectClients, TimedChange
from malaria.control.conductor import Conductor
from malaria.control.messages import Order
from malaria.errors import OperatorError
from malaria.model.group import Group
from malaria.model.group_checks import LONGEST_INTERVAL_S
from malaria.model.planned_change import rate_obstacle
from malaria.model.wanted_change import STAY_AWAY, Verb, WantedChange
from malaria.model.warhead import Warhead
from malaria.records.rows import RunPhase
from malaria.schedule.pacing import MOST_PER_S
from malaria.units import format_clock, format_count, format_duration_ns, format_rate, format_things

LOADING: Final = (RunPhase.WARMUP, RunPhase.MEASURE)
FROM_FILE: Final = "file"
"""Who asks for a change that the warhead states."""
_NOT_LOADING: Final = {
    RunPhase.PREPARE: "the load has not begun: the workers get ready",
    RunPhase.CONNECT: "the load has not begun: the clients connect",
    RunPhase.DRAIN: "the load has ended: messages under way are waited for",
    RunPhase.VERIFY: "the load has ended: messages under way are waited for",
    RunPhase.FINISH: "the load has ended",
}


class UnfitError(OperatorError):
    """The change does not fit the load as it is now."""


@dataclass(frozen=True, slots=True)
class TakenChange:
    """A change that was taken: when it takes effect (run time), what it is, and who asked for it."""

    effect_ns: int
    wanted: WantedChange  # with its group, if it concerns one
    by: str


@dataclass(frozen=True, slots=True)
class _Deed:
    """A change that fits: what it will do, in words, and how it is made; `group` if it concerns only one."""

    text: str
    make: Callable[[str], Sequence[Order]]  # the words of the mark -> the orders
    group: str | None = None


class Steering:
    """Answers wishes for one attack. `warhead` states the reserve of each group.

    `refusal` is why no hand may change this load; empty if one may. The changes of its warhead belong to the load.
    """

    def __init__(self, warhead: Warhead, conductor: Conductor, *, refusal: str = "") -> None:
        self._warhead = warhead
        self._conductor = conductor
        self._schedule = conductor.change_schedule
        self._crowd = conductor.change_schedule.crowd
        self._refusal = refusal
        self._intervals = {group.name: group.interval for group in warhead.groups}
        self.taken: list[TakenChange] = []
        """In the order in which they take effect."""

    def decide(
        self, wanted: WantedChange, effect_ns: int, *, only_look: bool, by: str = ""
    ) -> tuple[ChangeAnswer, list[Order]]:
        """Return the answer, and the orders that carry the change out at `effect_ns`; none with `only_look`.

        `effect_ns` is at least HAND_NOTICE_NS ahead, and not before that of a change that was taken earlier.
        """
        if self._refusal and by != FROM_FILE:
            return ChangeAnswer(AnswerKind.REFUSED, self._refusal), []
        try:
            decision = self._decision(wanted, effect_ns)
        except UnfitError as error:
            return ChangeAnswer(AnswerKind.CONFLICT, error.message, error.remedy), []
        except OperatorError as error:
            return ChangeAnswer(AnswerKind.REFUSED, error.message, error.remedy), []
        answer = ChangeAnswer(AnswerKind.TAKEN, decision.text, "", effect_ns)
        if only_look:
            return answer, []
        self.taken.append(TakenChange(effect_ns, replace(wanted, group=decision.group), by))
        return answer, list(decision.make(self._mark(wanted, decision.group, by)))

    def _decision(self, wanted: WantedChange, effect_ns: int) -> _Deed:
        """Raises UnfitError, and OperatorError for what never fits."""
        if wanted.verb is Verb.END:
            return self._end(effect_ns)
        if wanted.group is not None:
            self._named(wanted.group)
        phase, end_ns = self._conductor.phase, self._conductor.measure_end_ns
        if phase not in LOADING:
            raise UnfitError(_NOT_LOADING[phase])
        if end_ns is not None and effect_ns >= end_ns:
            raise UnfitError(f"the load ends at {self._clock(end_ns)}, before that")
        return _HANDLERS[wanted.verb](self, wanted, effect_ns)

    def _mark(self, wanted: WantedChange, group: str | None, by: str) -> str:
        """Return the words of the mark: `meters: +500 clients (by hand, browser)`."""
        before = "" if group is None or len(self._warhead.groups) == 1 else f"{group}: "
        who = "" if by == FROM_FILE else f" (by hand{f', {by}' if by else ''})"
        return f"{before}{wanted.in_words}{who}"

    # --- clients ---------------------------------------------------------------------------------------------------

    def _add(self, wanted: WantedChange, effect_ns: int) -> _Deed:
        group, clients = self._one_group(wanted), wanted.clients or 0
        self._check_reserve(group, clients)
        self._check_host(effect_ns, more={group.name: clients})
        queue, end_ns = self._crowd.queue, self._conductor.measure_end_ns
        ready_ns, begin_ns = queue.passes_ns(effect_ns, clients), queue.begin_ns(effect_ns, clients)
        needed = format_duration_ns(ready_ns - effect_ns)
        if end_ns is not None and ready_ns >= end_ns:
            left = format_duration_ns(end_ns - effect_ns)
            raise UnfitError(
                f"{format_things(clients, 'client')} {'needs' if clients == 1 else 'need'} {needed} to come in, "
                f"and the load ends in {left}",
                "add fewer, or set a larger connect rate (-R) next time",
            )
        over = f" over {needed}" if ready_ns > effect_ns else ""
        connect = "connects" if clients == 1 else "connect"
        text = f"{format_things(clients, 'more client')} of {group.name} {connect}{over} from {self._clock(effect_ns)}"
        text += self._more(group, clients, begin_ns)
        return _Deed(text, lambda words: self._schedule.add(group.name, clients, effect_ns, words), group.name)

    def _check_reserve(self, group: Group, clients: int) -> None:
        left = self._crowd.reserve_left(group.name)
        if clients <= left:
            return
        if group.has_one_id:
            raise OperatorError(f"every client of {group.name} has the same id", "put {index} into its client_id")
        needed = (group.reserve or 0) + clients - left
        access = self._warhead.access_of(group)
        files = " and ".join(path for path in (access.psk_file, access.credentials_file) if path is not None)
        raise UnfitError(
            f"{format_things(left, 'more client') if left else 'no more clients'} can be added to {group.name}, "
            f"not {format_count(clients)}",
            f"{f'let {files} have a line for each, and ' if files else ''}start the attack with --reserve {needed}",
        )

    def _more(self, group: Group, clients: int, begin_ns: int) -> str:
        """Say what further clients publish, and from when on."""
        end_ns = self._conductor.measure_end_ns
        if not group.publishes:
            if group.shares_one:
                return "; they share the subscription of the others"
            return "; what arrives at them counts as arrived alone" if group.subscribes else ""
        if end_ns is not None and begin_ns >= end_ns:
            return "; the load ends before they publish"
        if group.name in self._crowd.paused:
            return "; they publish when the group resumes"
        at = self._clock(begin_ns)
        more = self._rate_of(group, clients)
        return f"; they publish from {at}" if more is None else f"; {more} more are due from {at}"

    def _remove(self, wanted: WantedChange, effect_ns: int) -> _Deed:
        group, clients = self._one_group(wanted), wanted.clients or 0
        there = self._crowd.there(group.name, effect_ns)
        if clients > there:
            raise UnfitError(f"{group.name} has {format_things(there, 'client')}", f"write -{there} at most")
        kind = [one for one in self._warhead.groups if one.publishes == group.publishes or not self._warhead.publishing]
        if clients == sum(self._crowd.there(one.name, effect_ns) for one in kind):
            raise UnfitError("no client would be left that makes the load", "write end")
        less = self._rate_of(group, clients) if group.publishes else None
        who = f"{format_things(clients, 'client')} of {group.name}"
        text = f"{who} {'leaves' if clients == 1 else 'leave'} from {self._clock(effect_ns)}, the latest first"
        text += "" if less is None or group.name in self._crowd.paused else f"; {less} less are due"
        text += f"; {_lost_to_the_account(group)}" if group.subscribes else ""
        return _Deed(text, lambda words: self._schedule.remove(group.name, clients, effect_ns, words), group.name)

    def _cut(self, wanted: WantedChange, effect_ns: int) -> _Deed:
        self._check_return()
        group = self._one_group(wanted)
        there = self._crowd.there(group.name, effect_ns)
        part = wanted.clients if wanted.part is None else max(1, round(wanted.part * there))
        count = min(part or 0, there)
        text = (
            f"{format_count(count)} of {format_things(there, 'connection')} of {group.name} "
            f"{_break(count)} from {self._clock(effect_ns)}; {_back(group)}"
        )
        return _Deed(text, self._putting([DisconnectClients(group.name, count)], effect_ns), group.name)

    def _storm(self, wanted: WantedChange, effect_ns: int) -> _Deed:
        self._check_return()
        groups = self._stormed() if wanted.group is None else [self._named(wanted.group)]
        there = {group.name: self._crowd.there(group.name, effect_ns) for group in groups}
        total = sum(there.values())
        every = "all " if total > 1 else ""
        text = (
            f"{every}{format_things(total, 'connection')} of {_names(groups)} {_break(total)} at once at "
            f"{self._clock(effect_ns)}; {_back(groups[0])}"
        )
        cuts = [DisconnectClients(name, count, at_once=True) for name, count in there.items()]
        return _Deed(text, self._putting(cuts, effect_ns), _only(groups))

    def _stormed(self) -> Sequence[Group]:
        """Return the groups of a storm that names none: those whose account stays whole, or else all."""
        whole = [group for group in self._warhead.groups if not group.subscribes or group.keeps_deliveries]
        return whole or self._warhead.groups

    def _check_return(self) -> None:
        """Raise OperatorError if clients that lose their connection stay away."""
        if self._warhead.attack.reconnect_ns is None:
            raise OperatorError(*STAY_AWAY)

    # --- pace ------------------------------------------------------------------------------------------------------

    def _rate(self, wanted: WantedChange, effect_ns: int) -> _Deed:
        interval = wanted.interval or Fraction(1)
        if interval > LONGEST_INTERVAL_S:
            longest = format_duration_ns(int(LONGEST_INTERVAL_S) * NS_PER_S)
            raise OperatorError(f"that is less than one message in {longest}", "write a higher rate, or pause")
        groups = self._fitting(wanted, rate_obstacle, "the rate of group {name} cannot be changed: it {obstacle}")
        self._check_host(effect_ns, intervals={group.name: interval for group in groups})
        clients = sum(self._crowd.there(group.name, effect_ns) for group in groups)
        each, in_all = (format_rate(float(per_s), "msg") for per_s in (1 / interval, clients / interval))
        text = f"each client of {_names(groups)} sends {each} from {self._clock(effect_ns)}, {in_all} in all"
        put = self._putting([ChangeRate(group.name, interval) for group in groups], effect_ns)

        def make(words: str) -> Sequence[Order]:
            self._intervals |= {group.name: interval for group in groups}
            return put(words)

        return _Deed(text, make, _only(groups))

    def _pause(self, wanted: WantedChange, effect_ns: int) -> _Deed:
        groups = self._fitting(wanted, _silence, "group {name} cannot pause: it {obstacle}")
        groups = [group for group in groups if group.name not in self._crowd.paused]
        if not groups:
            raise UnfitError("the load pauses already", "write resume")
        text = f"nothing of {_names(groups)} is due from {self._clock(effect_ns)} on, until it resumes"
        return _Deed(text, _each(groups, effect_ns, self._schedule.pause), _only(groups))

    def _resume(self, wanted: WantedChange, effect_ns: int) -> _Deed:
        groups = self._fitting(wanted, _silence, "group {name} cannot resume: it {obstacle}")
        groups = [group for group in groups if group.name in self._crowd.paused]
        if not groups:
            raise UnfitError("nothing is paused", "pause the load first")
        go = "goes" if len(groups) == 1 else "go"
        text = f"{_names(groups)} {go} on at {self._clock(effect_ns)} where the schedule stood"
        return _Deed(text, _each(groups, effect_ns, self._schedule.resume), _only(groups))

    def _check_host(
        self, effect_ns: int, *, more: Mapping[str, int] | None = None, intervals: Mapping[str, Fraction] | None = None
    ) -> None:
        """Raise UnfitError if more would be due than the workers can ever send, as an attack that begins is refused."""
        more, intervals = more or {}, self._intervals | dict(intervals or {})
        per_s = sum(
            (self._crowd.there(group.name, effect_ns) + more.get(group.name, 0)) / intervals[group.name]
            for group in self._warhead.publishing
            if not group.closed_loop
        )
        workers = len(self._conductor.workers)
        most = workers * MOST_PER_S
        if per_s > most:
            raise UnfitError(
                f"that is {format_rate(float(per_s), 'msg')} in all; {format_things(workers, 'worker')} can be asked "
                f"for at most {format_rate(most, 'msg')}",
                "write a lower rate, or fewer clients",
            )

    # --- the phase -------------------------------------------------------------------------------------------------

    def _end(self, effect_ns: int) -> _Deed:
        conductor = self._conductor
        match conductor.phase:
            case RunPhase.CONNECT if conductor.ready:
                text = f"the attack goes on with {conductor.ready:,} of {conductor.expected_ready:,} clients"
            case RunPhase.CONNECT:
                raise UnfitError("no client has connected, so there is nothing to go on with", "write stop")
            case RunPhase.MEASURE if (end_ns := conductor.measure_end_ns) is not None and effect_ns >= end_ns:
                raise UnfitError(f"the load ends at {self._clock(end_ns)} anyway")
            case RunPhase.MEASURE:
                text = f"the load ends at {self._clock(effect_ns)}, and what is under way is waited for"
            case RunPhase.DRAIN | RunPhase.VERIFY:
                text = "messages under way are not waited for any more"
            case RunPhase.WARMUP:
                left_ns = (conductor.measure_start_ns or 0) - effect_ns
                left = format_duration_ns(max(0, left_ns))
                raise UnfitError(f"the warm-up ends by itself in {left}", "write end then, or stop now")
            case phase:
                raise UnfitError(_NOT_LOADING[phase])
        return _Deed(text, lambda words: conductor.end_phase(effect_ns, words))

    # --- parts -----------------------------------------------------------------------------------------------------

    def _putting(self, changes: Sequence[Change], effect_ns: int) -> Callable[[str], list[TimedChange]]:
        """Return what puts several changes under one mark."""

        def put(words: str) -> list[TimedChange]:
            orders: list[TimedChange] = []
            for change in changes:
                orders += self._schedule.put(change, effect_ns, "" if orders else words)
            return orders

        return put

    def _named(self, name: str) -> Group:
        for group in self._warhead.groups:
            if group.name == name:
                return group
        names = ", ".join(group.name for group in self._warhead.groups)
        raise OperatorError(f"there is no group {name!r}", f"the load has {names}")

    def _one_group(self, wanted: WantedChange) -> Group:
        """Return the group that a change of clients concerns. Raises OperatorError where that is not clear."""
        if wanted.group is not None:
            return self._named(wanted.group)
        # the load that people mean is that of the publishers
        groups = self._warhead.publishing or self._warhead.groups
        if len(groups) == 1:
            return groups[0]
        names = ", ".join(group.name for group in groups)
        raise OperatorError(
            f"{wanted.in_words}: of which group?", f"write GROUP: before the change; the load has {names}"
        )

    def _fitting(self, wanted: WantedChange, obstacle: Callable[[Group], str], refusal: str) -> list[Group]:
        """Return the groups that a change of the pace concerns: the named one, or all that it fits."""
        groups = self._warhead.groups if wanted.group is None else (self._named(wanted.group),)
        fitting = [group for group in groups if not obstacle(group)]
        if not fitting:
            first = next((group for group in groups if group.publishes), groups[0])
            raise OperatorError(refusal.format(name=first.name, obstacle=obstacle(first)), "choose another group")
        return fitting

    def _rate_of(self, group: Group, clients: int) -> str | None:
        """Return what so many clients of a group send, in words; None for a closed loop."""
        interval = self._intervals[group.name]
        return None if group.closed_loop else format_rate(float(clients / interval), "msg")

    def _clock(self, at_ns: int) -> str:
        """Return a time as people read it, since the beginning of the measured time."""
        return format_clock((at_ns - (self._conductor.measure_start_ns or 0)) / NS_PER_S)


def _silence(group: Group) -> str:
    return "" if group.publishes else "publishes nothing"


def _back(group: Group) -> str:
    if group.subscribes and not group.keeps_deliveries:
        return f"their clients connect again, and {_lost_to_the_account(group)}"
    return "their clients connect again"


def _lost_to_the_account(group: Group) -> str:
    what = "their shared subscription" if group.shares_one else "deliveries to them"
    return f"the account does without {what}"


def _break(count: int) -> str:
    return "breaks" if count == 1 else "break"


def _names(groups: Sequence[Group]) -> str:
    return " and ".join(group.name for group in groups)


def _only(groups: Sequence[Group]) -> str | None:
    return groups[0].name if len(groups) == 1 else None


def _each(
    groups: Sequence[Group], effect_ns: int, change: Callable[[str, int, str], list[TimedChange]]
) -> Callable[[str], list[TimedChange]]:
    """Return what makes a change to several groups under one mark."""

    def make(words: str) -> list[TimedChange]:
        orders: list[TimedChange] = []
        for group in groups:
            orders += change(group.name, effect_ns, "" if orders else words)
        return orders

    return make


_HANDLERS: Final[Mapping[Verb, Callable[[Steering, WantedChange, int], _Deed]]] = {
    Verb.ADD: Steering._add,
    Verb.REMOVE: Steering._remove,
    Verb.CUT: Steering._cut,
    Verb.STORM: Steering._storm,
    Verb.RATE: Steering._rate,
    Verb.PAUSE: Steering._pause,
    Verb.RESUME: Steering._resume,
}
