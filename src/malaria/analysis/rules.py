"""The rules that a run must meet: the stated thresholds, and default rules for figures that no threshold names.

A broken rule becomes a sentence for the operator; without a sentence it states figure, value and limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from malaria.analysis.backlog import Backlog, backlog_of
from malaria.analysis.bee_blame import NO_WAY, bee_of_lost_connections, missing_of_one_bee, whose_clients
from malaria.analysis.broker_end import broker_end
from malaria.analysis.dropped import dropped_by
from malaria.analysis.figure_names import figure_name, limit_text, threshold_words
from malaria.analysis.headroom import limit_remedy
from malaria.analysis.judged_load import of_steady_time, of_those_that_stayed
from malaria.analysis.latency_limits import default_limit_ms
from malaria.analysis.losses import missing_words
from malaria.analysis.lost_connections import connect_remedy, listed_causes, lost_connections, takeover_remedy
from malaria.analysis.lost_deliveries import who_lost
from malaria.analysis.queues import GROWING, LEAST_GROWTH_LOAD_S
from malaria.analysis.stalls import stall_sentence
from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import Ruling, ThresholdFinding, evaluate, look_up, stated_thresholds
from malaria.analysis.timeline import load_clock
from malaria.analysis.windows import load_window_ns, total
from malaria.clock import NS_PER_S
from malaria.model.threshold import Threshold, parse_threshold_text
from malaria.records.rows import Counter
from malaria.records.run import Run
from malaria.units import NotationError, format_count, format_rate, format_things


@dataclass(frozen=True, slots=True)
class UnmetRule:
    """A rule that does not hold: broken or undecided, in a sentence, and what to do about it.

    `key` is the figure of a broken rule; empty for others.
    """

    ruling: Ruling
    text: str
    remedy: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class JudgedRule:
    """A rule, whether it holds, and the figure that it was judged by (`value`, with its unit; empty: not known).

    `is_default` tells a rule that nobody stated.
    """

    threshold: Threshold
    ruling: Ruling
    value: str
    is_default: bool


LEAST_ALLOWED_S: Final = 5
"""The least stall that a remedy offers to allow."""
LATENCIES_FROM_DUE: Final = ("ack.", "end_to_end.", "service.")
"""The latencies that a stall makes longer."""


# --- our own rules -------------------------------------------------------------------------------------------------

_OPEN_LOOP: Final = {"publishing": True, "closed_loop": False}

DEFAULTS: Final[tuple[tuple[str, Mapping[str, bool]], ...]] = (
    ("clients.connected == 100% of planned", {"crowd_changes": False}),
    ("clients.connected_peak >= 100% of planned", {"crowd_changes": True}),
    ("clients.dropped == 0", {}),
    ("stalls.longest == 0ms", {"publishing": True}),
    ("rates.acked_per_s >= 98% of due", _OPEN_LOOP | {"acknowledged": True}),
    ("rates.sent_per_s >= 98% of due", _OPEN_LOOP | {"acknowledged": False}),
    ("messages.unacked == 0", {"publishing": True}),
    ("messages.unresolved == 0", {"publishing": True}),
    ("messages.lost == 0", {"publishing": True, "subscribing": True}),
    ("messages.duplicated_qos_2 == 0", {"publishing": True, "subscribing": True}),
    ("broker.dropped == 0", {"publishing": True}),
    ("broker.queue_growth_per_s == 0/s", _OPEN_LOOP),
)
"""Each with what the run's meta must say for it to apply. A figure that is not known breaks none of them.

The clients planned are the most at once: where surges come and go, that many must have been there, not be there at the
end. Rates and drops are then those of the steady time: the effects of a surge are reported with the surge. The limit of
ack p99 depends on the run and is not in the table.
"""


def unmet_rules(run: Run, summary: Summary) -> list[UnmetRule]:
    """Return every rule that does not hold, the most telling first."""
    found = [judged for judged in _judged(run, summary) if not _is_under_way(judged)]
    found.sort(key=lambda judged: _ORDER.get(judged.case.rule.key, len(_ORDER)))
    broken = {judged.case.rule.key for judged in found if judged.finding.ruling is Ruling.BROKEN}
    end = broker_end(run)
    said = _SAID_BY_END if end is not None and end.all_closed and end.back_ns is None else frozenset()
    return _unreadable(run) + [
        replace(_broken(judged), key=judged.case.rule.key)
        if judged.finding.ruling is Ruling.BROKEN
        else _undecided(judged.case, judged.finding.text)
        for judged in found
        if judged.finding.ruling is not Ruling.HOLDS
        and not (judged.is_default and _is_said_already(judged.case.rule.key, broken))
        and not (judged.is_default and judged.case.rule.key in said)
    ]


def judged_rules(run: Run, summary: Summary) -> list[JudgedRule]:
    """Return every rule that the run was judged by, passed ones too: first those that were stated, in their order.

    A default rule whose figure is not known is left out, for it decides nothing.
    """
    return [
        JudgedRule(
            judged.case.rule,
            Ruling.HOLDS if _is_under_way(judged) else judged.finding.ruling,
            judged.finding.value,
            judged.is_default,
        )
        for judged in _judged(run, summary)
    ]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A rule with the figures that it looks at, and what came of it."""

    case: _Case
    finding: ThresholdFinding
    is_default: bool


def _judged(run: Run, summary: Summary) -> list[_Judged]:
    stated = stated_thresholds(run)
    taken = {threshold.key for threshold in stated}
    if taken & _RATES:  # who allows a rate below what is due allows the queue that it makes
        taken.add("broker.queue_growth_per_s")
    if "messages.unresolved" in taken:  # who allows messages without any trace allows them without an answer
        taken.add("messages.unacked")
    if "messages.duplicated" in taken:
        taken.add("messages.duplicated_qos_2")
    present = of_those_that_stayed(run, summary)
    steady = of_steady_time(present)
    own = [rule for rule in _defaults(run) if rule.key not in taken and look_up(steady, rule.key) is not None]
    cases = [_Case(rule, run, summary if rule.relative_to is None else present) for rule in stated]
    cases += [_Case(rule, run, steady) for rule in own]
    return [_Judged(case, _finding(case), case.rule in own) for case in cases]


def _finding(case: _Case) -> ThresholdFinding:
    """Compare a rule with the figures. A floor that the load misses without its lost share is not decided."""
    finding = evaluate(case.rule, case.run, case.summary)
    is_floor = case.rule.key.startswith(("rates.", "clients.connected")) and case.rule.operator in _AT_LEAST
    if finding.ruling is not Ruling.BROKEN or not is_floor or case.rule.relative_to is not None:
        return finding
    missing = missing_words(case.run)
    return (
        replace(finding, ruling=Ruling.UNDECIDED, text=f"{threshold_words(case.rule)}: {missing}")
        if missing
        else finding
    )


def _is_under_way(judged: _Judged) -> bool:
    """Return True when a rate of a default rule is missed only by what was due last, and had no time to be done."""
    case = judged.case
    if not judged.is_default or case.rule.key not in _RATES or judged.finding.ruling is not Ruling.BROKEN:
        return False
    due_per_s = case.figure("rates.due_per_s")
    missing_per_s = due_per_s * case.rule.value / 100 - case.figure(case.rule.key)
    return missing_per_s * _seconds(case) <= max(1, LEAST_GROWTH_LOAD_S * due_per_s)


def _seconds(case: _Case) -> float:
    """Return the length of the time that the rates of the default rules cover."""
    steady = case.summary.steady
    if case.summary.surges and steady.due_per_s is not None:
        return float(steady.seconds)
    window = load_window_ns(case.run)
    return (window[1] - window[0]) / NS_PER_S if window else math.inf


def _is_said_already(key: str, broken: set[str]) -> bool:
    """Return True when the sentence on another broken rule says it."""
    if key == "messages.unresolved" and "messages.unacked" in broken:
        return True
    if key == "messages.lost" and "messages.acked_lost" in broken:
        return True
    if key == "ack.p99" and broken & {"stalls.longest", *_RATES}:
        return True
    losses = {"messages.lost", "messages.acked_lost"}
    return (key in _IN_RATE_SENTENCE and bool(broken & _RATES)) or (key == "broker.dropped" and bool(broken & losses))


def _unreadable(run: Run) -> list[UnmetRule]:
    """Return the thresholds of the warhead and the command line that this version cannot read."""
    unreadable: list[UnmetRule] = []
    for text in run.meta.thresholds:
        try:
            parse_threshold_text(text)
        except NotationError as error:
            unreadable.append(
                UnmetRule(Ruling.UNDECIDED, f"the stored threshold {text!r}: {error.message}", error.remedy)
            )
    return unreadable


def _undecided(case: _Case, text: str) -> UnmetRule:
    """Say that a rule cannot be decided. The remedy for an unknown figure of the broker is to observe it."""
    return UnmetRule(Ruling.UNDECIDED, text, _OBSERVE_REMEDY if case.rule.key.startswith("broker.") else "")


def _defaults(run: Run) -> list[Threshold]:
    rules = [
        parse_threshold_text(text)
        for text, needs in DEFAULTS
        if all(bool(getattr(run.meta, key)) is value for key, value in needs.items())
    ]
    limit_ms = default_limit_ms(run)
    return rules if limit_ms is None else [*rules, Threshold("ack.p99", "<=", limit_ms)]


# --- in words ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """A broken rule and everything that a sentence about it may need."""

    rule: Threshold
    run: Run
    summary: Summary

    def figure(self, key: str) -> float:
        return look_up(self.summary, key) or 0

    def count(self, thing: str) -> str:
        """Return the figure with its noun and the verb of the past: `1 message was`."""
        count = self.figure(self.rule.key)
        return f"{format_things(count, thing)} {'was' if count == 1 else 'were'}"


def _broken(judged: _Judged) -> UnmetRule:
    case, text = judged.case, judged.finding.text
    rule = case.rule
    if judged.is_default and rule.key == "ack.p99":
        return UnmetRule(Ruling.BROKEN, text, f"{_DEFAULT_LIMIT_REMEDY}; {_LATENCY_REMEDY}")
    phrase = _PHRASES.get(rule.key)
    if phrase is None or rule.operator not in phrase.operators:
        return UnmetRule(Ruling.BROKEN, text, _LATENCY_REMEDY if rule.key.startswith("ack.") else "")
    sentence = phrase.sentence(case) + _needs(rule)
    full = limit_remedy(case.summary.broker) if phrase.remedy is _OVERLOAD_REMEDY else ""
    remedy = phrase.own_remedy(case.run) or full or phrase.remedy
    allowing = f"; {_allowing_stall(case)}" if phrase.remedy is _STALL_REMEDY else ""
    return UnmetRule(Ruling.BROKEN, sentence, f"{remedy}{allowing}")


def _allowing_stall(case: _Case) -> str:
    """Say which option allows the longest stall, and what it does to the limits on latency that the stall broke too."""
    seconds = max(LEAST_ALLOWED_S, math.ceil(case.figure("stalls.longest") / 1000))
    option = f"--allow-stall {seconds}s allows it"
    stated = [t.key for t in stated_thresholds(case.run) if t.key.startswith(LATENCIES_FROM_DUE)]
    if stated:
        named = " and ".join(figure_name(key) for key in dict.fromkeys(stated))
        return f"{option}, but the limit of {named} counts as before"
    limit_ms = default_limit_ms(case.run)
    raises = limit_ms is not None and seconds * 1000 > limit_ms
    return f"{option} (and raises the limit of ack p99)" if raises else option


def _needs(rule: Threshold) -> str:
    """Return the limit for the sentence; empty where the sentence says it (none, all, a share of what was due)."""
    speaks = rule.value == 0 or (rule.relative_to is not None and (rule.key.startswith("rates.") or rule.value == 100))
    return "" if speaks else f", needs {limit_text(rule)}"


def _connected(case: _Case) -> str:
    planned, connected = case.figure("clients.planned"), case.figure("clients.connected")
    peak = case.figure("clients.connected_peak")
    of_planned = f"of {format_count(planned)} clients"
    if peak >= planned:
        were = "was" if connected == 1 else "were"
        return f"only {format_count(connected)} {of_planned} {were} still connected at the end"
    missing = missing_of_one_bee(case.run)
    causes = listed_causes(missing.causes if missing else case.run.meta.connect_failures)
    whose = f"; {whose_clients(missing.clients, missing.bee)}: {NO_WAY}" if missing else ""
    return f"{format_count(planned - peak)} {of_planned} could not connect{f': {causes}' if causes else ''}{whose}"


def _stalled(case: _Case) -> str:
    return stall_sentence(case.summary)


def _acked(case: _Case) -> str:
    backlog = backlog_of(case.run)
    since = "" if backlog.since_s is None else f" at {load_clock(case.run.meta, backlog.since_s * NS_PER_S)}"
    return f"the broker fell behind{since}: acked {_of_due(case)}{_queues(case, backlog)}"


def _queues(case: _Case, backlog: Backlog) -> str:
    """Return which queue grew meanwhile, and what was dropped."""
    grown, dropped = _growing(case), case.figure("broker.dropped")
    owed = format_count(backlog.at_end) if backlog.since_s is not None else ""
    parts = [f"{grown} to {owed}" if grown and owed else f"and owed {owed} at the end" if owed else grown]
    parts.append(f"{format_count(dropped)} dropped" if dropped else "")
    return "".join(f", {part}" for part in parts if part)


def _growing(case: _Case) -> str:
    """Return the fastest of the growing queues: `its queue grew by 64 messages/s`; empty when none grew."""
    queues = case.summary.broker.queues
    grown = [(figures.growth_per_s, queue) for queue, figures in queues.items() if figures.grows]
    if not grown:
        return ""
    per_s, queue = max(grown)
    return GROWING[queue].format(format_count(per_s) if per_s >= 10 else f"{per_s:.2g}")


def _grown(case: _Case) -> str:
    return f"the broker cannot sustain this load: {_growing(case)}"


def _dropped_messages(case: _Case) -> str:
    messages = case.summary.messages
    whole = messages.expected and messages.delivered == messages.expected
    whose = " for subscribers outside this run, whose own deliveries are complete" if whole else ""
    return f"the broker dropped {format_things(case.figure('broker.dropped'), 'message')}{whose}"


def _sent(case: _Case) -> str:
    return f"the broker took only {_of_due(case)}{_queues(case, Backlog(None, 0))}"


def _of_due(case: _Case) -> str:
    value, due = case.figure(case.rule.key), case.figure("rates.due_per_s")
    share = f" ({100 * value / due:.3g} %, needs {case.rule.value:g} %)" if case.rule.relative_to and due else ""
    return f"{format_count(value)} of {format_rate(due, 'msg')}{share}"


def _unacked(case: _Case) -> str:
    return f"{case.count('message')} never acknowledged{_undelivered(case)}"


def _undelivered(case: _Case) -> str:
    """Return how many deliveries of these messages are missing, if there were subscribers."""
    if case.summary.messages.expected is None:
        return ""
    missing = case.figure("messages.unresolved")
    return f"; {format_count(missing)} of their deliveries are missing" if missing else ", yet delivered"


def _unresolved(case: _Case) -> str:
    seen = "acknowledged" if case.summary.messages.expected is None else "acknowledged nor delivered"
    return f"{case.count('message')} {'never' if seen == 'acknowledged' else 'neither'} {seen}"


def _lost(case: _Case) -> str:
    if who := who_lost(case.run, case.summary, _access_hints(case.run).removeprefix("; ")):
        return who
    lost, expected = case.figure("messages.lost"), format_count(case.figure("messages.expected"))
    acked = case.figure("messages.acked_lost")
    told = f", {format_count(acked)} of them acknowledged by the broker" if acked else ""
    was = "was" if lost == 1 else "were"
    return f"{format_count(lost)} of {expected} deliveries {was} lost{told}{_access_hints(case.run)}"


def _access_hints(run: Run) -> str:
    """Return what makes losses look like those of access rules; empty if nothing does, or the broker counts drops."""
    if dropped_by(run):
        return ""
    return "".join(f"; {hint}" for hint in (_unheard(run), _unmatched(run)) if hint)


def _unheard(run: Run) -> str:
    """Return how many publishers had messages acknowledged of which none arrived anywhere."""
    publishers = run.ledger.unheard_publishers if run.ledger is not None else None
    return f"none of the messages of {format_things(publishers, 'publisher')} arrived" if publishers else ""


def _unmatched(run: Run) -> str:
    """Return how many messages the broker acknowledged with the word that nobody subscribes to them (MQTT 5)."""
    unmatched = total(run.samples, Counter.UNMATCHED)
    return f"the broker said of {format_things(unmatched, 'message')} that nobody subscribes to it" if unmatched else ""


def _loss_remedy(run: Run) -> str:
    """Return the remedy for losses that look like those of access rules: all messages of a publisher are gone."""
    return _ACCESS_REMEDY if _access_hints(run) else ""


def _duplicated(case: _Case) -> str:
    count = case.figure("messages.duplicated_qos_2")
    times = "was delivered" if count == 1 else "were delivered"
    return f"{format_things(count, 'message')} of QoS 2 {times} more than once"


def _acked_lost(case: _Case) -> str:
    lost = format_things(case.figure("messages.acked_lost"), "message")
    hints = _access_hints(case.run)
    who = who_lost(case.run, case.summary, hints.removeprefix("; "))
    return f"the broker lost {lost} that it had acknowledged{f': {who}' if who else hints}"


def _dropped(case: _Case) -> str:
    causes = listed_causes(lost_connections(case.run))
    bee = bee_of_lost_connections(case.run)
    whose = f"; {whose_clients(round(case.figure(case.rule.key)), bee)}" if bee else ""
    return f"{case.count('connection')} lost{f': {causes}' if causes else ''}{whose}"


_STALL_REMEDY: Final = "look at the broker's log and its disk at that time (persistence, garbage collection)"
_CONNECT_REMEDY: Final = "the events of the run say why; malaria doctor TARGET -c N looks at the limits of this machine"
_OVERLOAD_REMEDY: Final = "the load is more than the broker carries: look at its CPU and queues, and try fewer clients"
_PROMISE_REMEDY: Final = "look at the broker's queue limits and persistence"
_LOSS_REMEDY: Final = "look at the broker's queue limits, and at the QoS and session of the subscribers"
_ACCESS_REMEDY: Final = (
    "many brokers acknowledge what their access rules (ACL) then drop: check that the publishers may write these "
    "topics, and the subscribers may read them"
)
_TWICE_REMEDY: Final = "QoS 2 promises exactly one delivery (MQTT-4.3.3): look at the broker's version and its log"
_OPEN_REMEDY: Final = "they were in flight at the end: a longer --drain shows whether they arrive late or never"
_QUEUE_REMEDY: Final = "look at the broker's queue limits (max_queued_messages of mosquitto), and at slow subscribers"
_OBSERVE_REMEDY: Final = "look at what the observers say in the events of the run, and at --observe"
_DROP_REMEDY: Final = "the events of the run say when and why; look at the broker's log as well"
_LATENCY_REMEDY: Final = "look in the chart of latency when it began, and whether service or lag is the larger part"

_DEFAULT_LIMIT_REMEDY: Final = (
    "nobody stated this limit (a second, or the interval): --fail-if 'ack.p99 > 5s' states another"
)

_AT_LEAST: Final = (">=", ">", "==")
_AT_MOST: Final = ("<=", "<", "==")


@dataclass(frozen=True, slots=True)
class _Phrase:
    """The sentence for a broken rule, if its limit is in this direction."""

    sentence: Callable[[_Case], str]
    operators: tuple[str, ...]
    remedy: str
    own_remedy: Callable[[Run], str] = lambda _: ""
    """Returns a remedy that fits this run better; empty if there is none."""


_PHRASES: Final[Mapping[str, _Phrase]] = {
    "clients.connected": _Phrase(_connected, _AT_LEAST, _CONNECT_REMEDY, connect_remedy),
    "clients.connected_peak": _Phrase(_connected, _AT_LEAST, _CONNECT_REMEDY, connect_remedy),
    "stalls.longest": _Phrase(_stalled, _AT_MOST, _STALL_REMEDY),
    "rates.acked_per_s": _Phrase(_acked, _AT_LEAST, _OVERLOAD_REMEDY),
    "rates.sent_per_s": _Phrase(_sent, _AT_LEAST, _OVERLOAD_REMEDY),
    "messages.acked_lost": _Phrase(_acked_lost, _AT_MOST, _PROMISE_REMEDY, _loss_remedy),
    "messages.lost": _Phrase(_lost, _AT_MOST, _LOSS_REMEDY, _loss_remedy),
    "messages.duplicated_qos_2": _Phrase(_duplicated, _AT_MOST, _TWICE_REMEDY),
    "messages.unacked": _Phrase(_unacked, _AT_MOST, _OPEN_REMEDY),
    "messages.unresolved": _Phrase(_unresolved, _AT_MOST, _OPEN_REMEDY),
    "broker.dropped": _Phrase(_dropped_messages, _AT_MOST, _QUEUE_REMEDY),
    "broker.queue_growth_per_s": _Phrase(_grown, _AT_MOST, _OVERLOAD_REMEDY),
    "clients.dropped": _Phrase(_dropped, _AT_MOST, _DROP_REMEDY, takeover_remedy),
}
_RATES: Final = frozenset({"rates.acked_per_s", "rates.sent_per_s"})
_SAID_BY_END: Final = _RATES | {
    "clients.connected",
    "clients.connected_peak",
    "clients.dropped",
    "broker.queue_growth_per_s",
}
"""Broken by a broker that ended and did not come back: the sentence on its end says why."""
_IN_RATE_SENTENCE: Final = ("broker.dropped", "broker.queue_growth_per_s")
_ORDER: Final = {key: place for place, key in enumerate(_PHRASES)}
"""The most telling first: without clients there is no rate, and with a backlog there are unresolved messages."""
