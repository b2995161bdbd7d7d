"""The verdict: PASS, FAIL, INVALID or UNKNOWN, by rule, with reasons.

The order of precedence is that of trust: an attack of which a part is missing says too little (UNKNOWN), one that the
generator spoiled says nothing about the broker (INVALID), a broken rule says enough (FAIL), an undecided one leaves it
open (UNKNOWN), and only what is left is a PASS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from malaria.analysis.bee_blame import THIS_MACHINE, LateWorker, bees_with, cut_off_bee, latest_worker
from malaria.analysis.bee_clocks import apart_at_start, restless_clocks
from malaria.analysis.broker_end import BrokerEnd, broker_end, end_sentence, moment
from malaria.analysis.capacity.loop_words import staircase_result
from malaria.analysis.cpu import busiest_worker
from malaria.analysis.empty_load import empty_load
from malaria.analysis.full_broker import taken_place
from malaria.analysis.known_delays import known_delays
from malaria.analysis.latency_limits import own_lag_bound_ns
from malaria.analysis.lost_connections import connect_remedy, listed_causes, lost_connections
from malaria.analysis.lost_figures import damaged_run
from malaria.analysis.negotiation import own_part
from malaria.analysis.other_programs import machine_use
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.quantiles import latency_of
from malaria.analysis.rules import unmet_rules
from malaria.analysis.seconds import own_lag_limit_ns
from malaria.analysis.stalls import stall_sentence
from malaria.analysis.summary_figures import Summary, SurgeFigures, Verdict
from malaria.analysis.surge_words import surge_sentence
from malaria.analysis.thresholds import Ruling, stated_thresholds
from malaria.analysis.timeline import load_clock
from malaria.analysis.unasked import unasked_packets
from malaria.analysis.windows import bees_of, in_phase, measured_window_ns, total
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.campaign_records import INTERRUPTED
from malaria.records.rows import EXIT_CODE, GAP, Counter, EventKind, Metric, RunPhase
from malaria.records.run import Run
from malaria.records.run_meta import LostWorker
from malaria.units import format_duration_ns, format_ms, format_things

SATURATED_PERCENT: Final = 95
SATURATION_LAG_NS: Final = NS_PER_MS
"""A worker that uses its whole core and is late by more than this at the 99th percentile was the limit."""

WAY_IN: Final = (Metric.CONNECT, Metric.TLS, Metric.UPGRADE)
OWN_SHARE_LIMIT: Final = 0.5
"""Of the time of a handshake: beyond it, its latency tells more of us than of the broker."""


MOST_BEES_NAMED: Final = 3
MOST_SURGES: Final = 5
"""Of one outcome, which have a sentence each: two people who steer make hundreds."""

type VerdictRule = Callable[[Run, Summary], list[Reason]]


def judge(run: Run, summary: Summary) -> Verdict:
    """Return the verdict on a run and its figures."""
    rules = RULES if run.meta.staircase is None else STAIRCASE_RULES
    reasons = [reason for rule in rules for reason in rule(run, summary)]
    reasons.sort(key=lambda reason: reason.outcome is Outcome.PASS)  # remarks last; otherwise in the order of the rules
    outcome = reasons[0].outcome if reasons else Outcome.PASS
    reasons.sort(key=lambda reason: reason.outcome is not outcome)
    return Verdict(outcome, tuple(reasons))


# --- INVALID: we were the limit ------------------------------------------------------------------------------------


def _late(run: Run, summary: Summary) -> list[Reason]:
    """Report messages that left late because of the generator. In a closed loop none is: due is when it can be sent.

    Where the broker flooded the clients with packets that answer nothing, or answered none of their messages, that is
    the broker's doing whatever the lag was, and another rule says so.
    """
    lag = latency_of(run, Metric.OWN_LAG).quantile(0.99)
    unanswered = summary.messages.acked == 0 and bool(summary.messages.sent)
    if run.meta.closed_loop or lag is None or unasked_packets(run) or unanswered:
        return []
    limit_ns = own_lag_bound_ns(run)
    latest = latest_worker(run)
    if lag.ns <= limit_ns:
        worker, most = busiest_worker(run)
        if most is None or most <= SATURATED_PERCENT or lag.ns <= SATURATION_LAG_NS:
            return []
        latest = LateWorker(worker, lag.ns, most)
    if latest is None:
        return []
    bound = f"; at most {format_ms(limit_ns / NS_PER_MS)}, --own-lag-limit" if lag.ns > limit_ns else ""
    # over the bound the host that was late is named, not the one whose worker was busiest
    late = f"messages left {format_ms(latest.p99_ns / NS_PER_MS)} late (p99{bound})"
    percent = latest.cpu_percent
    if percent is not None and percent > SATURATED_PERCENT:
        used = f", worker {latest.worker} used {percent:.0f} % of a core"
        return [Reason(Outcome.INVALID, f"{latest.host} was the limit: {late}{used}", "Add --workers or a bee")]
    use = machine_use(run) if latest.host == THIS_MACHINE else None
    taken = use.words() if use is not None else ""
    if taken:
        return [Reason(Outcome.INVALID, f"{taken}; {late}", _TAKEN_REMEDY)]
    spare = "" if percent is None else ", though its workers had CPU to spare"
    busy = f"Something else kept {latest.host} busy: check its load, and that of its host if it is a virtual machine"
    return [Reason(Outcome.INVALID, f"{latest.host} was the limit: {late}{spare}", busy)]


_TAKEN_REMEDY: Final = "give this machine to the load alone, or make the load on another one"


def _shortages(run: Run, summary: Summary) -> list[Reason]:
    """Report clients that found no free port, descriptor or memory here: INVALID if clients were missing for it."""
    short = run.meta.own_shortages or {}
    if not short:
        return []
    cause = max(short, key=lambda text: short[text])
    planned, most = summary.clients.planned, summary.clients.connected_peak
    missing = planned is None or most is None or most < planned
    who = format_things(short[cause], "client")
    where = " and ".join(bees_with(run, cause)[:MOST_BEES_NAMED]) or THIS_MACHINE
    remedy = run.meta.remedies.get(cause, "")
    if missing:
        return [Reason(Outcome.INVALID, f"{where} was the limit: {who} could not connect: {cause}", remedy)]
    return [Reason(Outcome.PASS, f"{where} delayed connects: {who} had to try again: {cause}", remedy)]


_CONNECTS: Final = {
    Outcome.INVALID: "this machine was the limit while connecting",
    Outcome.PASS: "this machine caused part of the connect latency",
}


def _slow_handshakes(run: Run, _: Summary) -> list[Reason]:
    """Report clients that connected late because this machine was busy with the handshakes of others.

    INVALID where the broker would be blamed for it; otherwise a remark on the latency of connects.
    """
    own = own_part(run)
    limit_ns = own_lag_limit_ns(run.meta)
    if own is None or own.p99_ns <= limit_ns or own.share <= OWN_SHARE_LIMIT:
        return []
    outcome = Outcome.INVALID if _blames_connects(run) else Outcome.PASS
    text = (
        f"{_CONNECTS[outcome]}: {own.share:.0%} of the time of the TLS and WebSocket handshakes was spent here "
        f"({format_ms(own.p99_ns / NS_PER_MS)} a client at p99, {format_ms(own.cpu_ns / NS_PER_MS)} of it CPU)"
    )
    remedy = "lower -R/--connect-rate and --connects-in-progress, or add --workers"
    return [Reason(outcome, text, remedy)]


def _blames_connects(run: Run) -> bool:
    """Return True when slow connects can count against the broker: by a threshold, or without any answer."""
    on_connects = any(text.startswith(f"{metric}.") for text in run.meta.thresholds for metric in WAY_IN)
    return on_connects or bool(total(run.samples, Counter.CONNECT_TIMEOUTS))


# --- UNKNOWN: evidence is missing ----------------------------------------------------------------------------------


def _lost_workers(run: Run, _: Summary) -> list[Reason]:
    bees = bees_of(run)
    return [_lost(one, bees) for one in run.meta.lost_workers]


def _lost(one: LostWorker, bees: Sequence[str]) -> Reason:
    """Report a worker that is gone, or a whole bee."""
    who = str(one.worker)
    missing = f"{one.reason}: its share, {one.share} of the load, is missing"
    if who in bees:
        remedy = "look at that host and its network; fetch the records on its disk with: malaria swarm collect RUN"
        return Reason(Outcome.UNKNOWN, f"{who} {missing}", remedy)
    return Reason(Outcome.UNKNOWN, f"worker {who} {missing}", _loss_remedy(str(one.reason)))


def _loss_remedy(reason: str) -> str:
    """Return what to do about a lost worker: only SIGKILL may have come from the kernel."""
    if "SIGKILL" in reason:
        return "look for the out-of-memory killer in the kernel log (dmesg), and run again"
    if reason.startswith("failed:"):
        return "if no file or function of yours is the cause, it is a bug of malaria: please report it"
    return "look at what else this machine does, and whether the worker was stopped (SIGSTOP); then run again"


def _interrupted(run: Run, summary: Summary) -> list[Reason]:
    """Name the operator before the bees that were lost: `malaria swarm abort` ends them as well."""
    if run.meta.aborted != INTERRUPTED:
        return []
    failed = run.meta.connect_failures
    connects = f"; failed connects: {listed_causes(failed)}" if failed else ""
    return [Reason(Outcome.UNKNOWN, _stopped_after(run, summary), f"run it again to its end{connects}")]


def _stopped_after(run: Run, summary: Summary) -> str:
    """Return `stopped by the operator after 50 ms of 1 min (25 messages): too little to judge`."""
    window, planned_s = measured_window_ns(run), run.meta.duration_planned_s
    if window is None:
        return "stopped by the operator before anything was measured"
    if planned_s and window[1] - window[0] >= planned_s * NS_PER_S:
        return "stopped by the operator after the load, before its last messages were settled"
    whole = f" of {format_duration_ns(round(planned_s * NS_PER_S))}" if planned_s else ""
    sent = summary.messages.sent
    messages = f" ({format_things(sent, 'message')})" if sent else ""
    took = format_duration_ns(max(0, window[1] - window[0]))
    return f"stopped by the operator after {took}{whole}{messages}: too little to judge"


def _aborted(run: Run, _: Summary) -> list[Reason]:
    """Report an attack that malaria cut short; where clients were in the way of it, say why."""
    if run.meta.aborted in (None, "", INTERRUPTED):
        return []
    text = f"the attack ended early: {run.meta.aborted}"
    why = listed_causes({**lost_connections(run), **run.meta.connect_failures})
    if not why:
        return [Reason(Outcome.UNKNOWN, text)]
    remedy = connect_remedy(run) or "look at the broker's log"
    return [Reason(Outcome.UNKNOWN, f"{text}: {why}", remedy)]


def _endless(run: Run, _: Summary) -> list[Reason]:
    if run.meta.end_ns is not None or run.damage.hits("meta"):
        return []
    text = "the run did not finish: it is still running, malaria was killed, or the disk was full"
    return [Reason(Outcome.UNKNOWN, text, "the page shows what was recorded until then; run it again for a verdict")]


def _no_data(run: Run, _: Summary) -> list[Reason]:
    if in_phase(run, RunPhase.MEASURE) or run.damage.hits("sample"):
        return []
    return [Reason(Outcome.UNKNOWN, "nothing was measured", "look at the events of the run")]


def _unstored(run: Run, _: Summary) -> list[Reason]:
    """Report rows that fell out of memory while the disk took nothing; what it took later is complete."""
    trouble = run.meta.disk_trouble
    if trouble is None or not trouble.forgotten_rows:
        return []
    text = f"{trouble.forgotten_rows} records could not be stored: {trouble.first}"
    return [Reason(Outcome.UNKNOWN, text, "free some disk, or write elsewhere with -o")]


def _unmade(run: Run, _: Summary) -> list[Reason]:
    """Report changes of the warhead that did not fit: the load was not the one that it states, and is no evidence."""
    if not run.meta.unmade_changes:
        return []
    first, *others = run.meta.unmade_changes
    more = f", and {format_things(len(others), 'more change')} neither" if others else ""
    remedy = "change [[change]] in the warhead so that each fits the load that the ones before it leave"
    return [Reason(Outcome.UNKNOWN, f"the load was not the one of the warhead: {first}{more}", remedy)]


# --- surges --------------------------------------------------------------------------------------------------------


def _surges(run: Run, summary: Summary) -> list[Reason]:
    """Report surges: FAIL when the target broke or never recovered, a remark when it bent and recovered.

    A threshold on drops decides how many of them are allowed.
    """
    return [reason for reason in _of_surges(run, summary) if reason.outcome is not Outcome.UNKNOWN]


def _undecided_surges(run: Run, summary: Summary) -> list[Reason]:
    """Report surges under which the target bent, when too little was seen to tell whether it recovered."""
    return [reason for reason in _of_surges(run, summary) if reason.outcome is Outcome.UNKNOWN]


def _of_surges(run: Run, summary: Summary) -> list[Reason]:
    stated = {threshold.key for threshold in stated_thresholds(run)}
    found: dict[Outcome, list[SurgeFigures]] = {}
    for surge in summary.surges:
        if (outcome := _weight(surge, stated)) is not None:
            found.setdefault(outcome, []).append(surge)
    return [reason for outcome, surges in found.items() for reason in _told_surges(run, outcome, surges)]


def _told_surges(run: Run, outcome: Outcome, surges: Sequence[SurgeFigures]) -> Iterator[Reason]:
    """Yield a reason for each of the first surges of an outcome, and one for the others: hands make hundreds."""
    remedy = _SURGE_REMEDIES[outcome]
    for surge in surges[:MOST_SURGES]:
        yield Reason(outcome, surge_sentence(run, surge), remedy)
    if more := surges[MOST_SURGES:]:
        yield Reason(outcome, f"the like of {format_things(len(more), 'more surge')}, which summary.json has", remedy)


def _weight(surge: SurgeFigures, stated: set[str]) -> Outcome | None:
    """Return the outcome of a surge; None if it needs no remark."""
    held, recovered = surge.held, surge.recovered
    if recovered is False or set(surge.broke) - stated:
        return Outcome.FAIL
    gone = surge.until_s is not None
    if held is False and recovered is None and gone:
        return Outcome.UNKNOWN
    needs_remark = held is not True or (recovered is None and gone)
    return Outcome.PASS if needs_remark else None


_SURGE_REMEDIES: Final = {
    Outcome.FAIL: "the load is more than the broker carries: look at its CPU and queues during the surge and after it",
    Outcome.UNKNOWN: "let the attack last longer after the surge",
    Outcome.PASS: "",
}


def _unasked(run: Run, _: Summary) -> list[Reason]:
    packets = unasked_packets(run)
    if not packets:
        return []
    text = (
        f"the broker sent {format_things(packets, 'packet')} that answer nothing: acknowledgements and releases of "
        "unknown packet ids, or a PINGRESP without a PINGREQ"
    )
    return [Reason(Outcome.FAIL, text, "report it to the makers of the broker; the figures are those of handling them")]


def _lowered_subscriptions(run: Run, _: Summary) -> list[Reason]:
    lowered = total(run.samples, Counter.SUBSCRIPTIONS_LOWERED)
    if not lowered:
        return []
    return [Reason(Outcome.PASS, f"the broker granted {format_things(lowered, 'subscription')} a lower QoS than asked")]


# --- rules and thresholds ------------------------------------------------------------------------------------------


def _dead_broker(run: Run, summary: Summary) -> list[Reason]:
    """Report a broker that ended before the load did: it has not carried it, however small the load was.

    One that came back is a remark where a threshold says how many connections may be lost.
    """
    end = broker_end(run)
    if end is not None and (end.process or end.back_ns is None):
        return [_ended(run, summary, end)]
    deaths = [event for event in run.events if event.kind is EventKind.BROKER]
    if not deaths:
        return []
    when = "before the load" if run.meta.measure_start_ns is None else moment(run, deaths[0].at_ns)
    return [Reason(Outcome.FAIL, f"{deaths[0].text} ({when})", _DEATH_REMEDY)]


def _all_closed(run: Run, summary: Summary) -> list[Reason]:
    """Report that all connections closed within a second and clients connected again; no process was seen to end.

    A pause of this machine can be the cause, so what reports that comes first.
    """
    end = broker_end(run)
    known = end is None or end.process or end.back_ns is None
    return [] if end is None or known else [_ended(run, summary, end)]


def _ended(run: Run, summary: Summary, end: BrokerEnd) -> Reason:
    allowed = end.back_ns is not None and any(text.startswith("clients.dropped") for text in run.meta.thresholds)
    return Reason(Outcome.PASS if allowed else Outcome.FAIL, end_sentence(run, summary, end), _DEATH_REMEDY)


_DEATH_REMEDY: Final = "look at the broker's log, and at the kernel's (dmesg)"


def _broken(run: Run, summary: Summary) -> list[Reason]:
    return [Reason(Outcome.FAIL, r.text, r.remedy) for r in unmet_rules(run, summary) if r.ruling is Ruling.BROKEN]


def _stalled(run: Run, _: Summary) -> list[Reason]:
    """Report a closed loop that ended before its messages were sent, because the broker let nothing move."""
    if not run.meta.stalled:
        return []
    text = f"the load came to a standstill: {run.meta.stalled}"
    return [Reason(Outcome.FAIL, text, "the events of the run and the broker's log say what it waited for")]


def _subscriptions(run: Run, _: Summary) -> list[Reason]:
    refused = total(run.samples, Counter.SUBSCRIPTIONS_REFUSED)
    if not refused:
        return []
    text = f"the broker refused {format_things(refused, 'subscription')}"
    return [Reason(Outcome.FAIL, text, "look at its access rules for the topics of the subscribers")]


def _publishes(run: Run, _: Summary) -> list[Reason]:
    """Report refused messages. Only in MQTT 5 can a broker refuse one, or state its maximum packet size."""
    reasons = []
    if refused := total(run.samples, Counter.PUBLISHES_REFUSED):
        text = f"the broker refused {format_things(refused, 'message')}"
        reasons.append(Reason(Outcome.FAIL, text, "the events of the run say why: often its access rules, or a quota"))
    if large := total(run.samples, Counter.TOO_LARGE):
        text = f"{format_things(large, 'message')} {'was' if large == 1 else 'were'} larger than the broker takes"
        reasons.append(Reason(Outcome.FAIL, text, "lower -s/--size, or raise the broker's maximum packet size"))
    return reasons


def _undecided(run: Run, summary: Summary) -> list[Reason]:
    return [
        Reason(Outcome.UNKNOWN, r.text, r.remedy) for r in unmet_rules(run, summary) if r.ruling is Ruling.UNDECIDED
    ]


# --- remarks -------------------------------------------------------------------------------------------------------


def _blind_observers(run: Run, _: Summary) -> list[Reason]:
    """Report observers that saw nothing of the measured time, or lost their target: since when, and why.

    Where a threshold needs their figures, another rule reports UNKNOWN.
    """
    window = measured_window_ns(run)
    if window is None:
        return []
    end = broker_end(run)
    lost: dict[str, tuple[int, str]] = {}
    seen: set[str] = set()
    for row in (row for row in run.observations if row.at_ns <= window[1]):
        if GAP in row.values:
            lost.setdefault(row.observer, (row.at_ns, str(row.values[GAP])))
            continue
        if EXIT_CODE in row.values:
            continue
        seen.add(row.observer)
        if row.at_ns <= window[0]:
            lost.pop(row.observer, None)  # it was back in time
    return [
        Reason(Outcome.PASS, f"observer {name} {_lost_at(run, at_ns) if name in seen else 'saw nothing'}: {why}")
        for name, (at_ns, why) in sorted(lost.items())
        if end is None or at_ns < end.at_ns - NS_PER_S  # another rule says that the broker was gone
    ]


def _lost_at(run: Run, at_ns: int) -> str:
    return f"was lost at {load_clock(run.meta, at_ns)}"


def _own_lag_in_latencies(run: Run, _: Summary) -> list[Reason]:
    """Tell how much of the latencies is the generator's, where that is not little and not too much either."""
    lag = latency_of(run, Metric.OWN_LAG).quantile(0.99)
    if run.meta.closed_loop or lag is None or not own_lag_limit_ns(run.meta) < lag.ns <= own_lag_bound_ns(run):
        return []
    text = f"messages left {format_ms(lag.ns / NS_PER_MS)} late (p99) because of the generator: a part of the latencies"
    return [Reason(Outcome.PASS, text)]


def _allowed_stalls(run: Run, summary: Summary) -> list[Reason]:
    """Tell when the broker stood still where no rule is broken by it: it is allowed, or was in a surge."""
    sentence = stall_sentence(summary)
    broken = [rule.text for rule in unmet_rules(run, summary) if rule.ruling is Ruling.BROKEN]
    if not sentence or any(text.startswith(sentence) for text in broken):
        return []
    return [Reason(Outcome.PASS, sentence)]


def _taken_machine(run: Run, summary: Summary) -> list[Reason]:
    """Tell when others used nearly all of the machine that made the load, though no message left late for it."""
    use = machine_use(run)
    if use is None or not use.is_taken or any(one.outcome is Outcome.INVALID for one in _late(run, summary)):
        return []
    return [Reason(Outcome.PASS, f"{use.words()}; latencies may be theirs", _TAKEN_REMEDY)]


def _closed_loop_limit(run: Run, _: Summary) -> list[Reason]:
    worker, percent = busiest_worker(run)
    if not run.meta.closed_loop or percent is None or percent <= SATURATED_PERCENT:
        return []
    used = f"worker {worker} used {percent:.0f} % of a core"
    text = f"closed loop: {used}, so the rate is a lower bound of what the broker carries"
    return [Reason(Outcome.PASS, text, "Add --workers or a bee")]


RULES: Final[tuple[VerdictRule, ...]] = (
    damaged_run,
    _interrupted,
    _lost_workers,
    _aborted,
    _endless,
    _dead_broker,
    _shortages,
    cut_off_bee,
    taken_place,
    _late,
    _slow_handshakes,
    _no_data,
    _unstored,
    _unmade,
    _all_closed,
    _publishes,
    _subscriptions,
    _unasked,
    _surges,
    _broken,
    _stalled,
    _undecided,
    empty_load,
    _undecided_surges,
    _lowered_subscriptions,
    _blind_observers,
    _allowed_stalls,
    _own_lag_in_latencies,
    _taken_machine,
    _closed_loop_limit,
    known_delays,
    restless_clocks,
    apart_at_start,
)
"""In the order of precedence: the first reason that is no remark gives the outcome."""

STAIRCASE_RULES: Final[tuple[VerdictRule, ...]] = (
    damaged_run,
    _interrupted,
    _lost_workers,
    _aborted,
    _endless,
    _no_data,
    _unstored,
    _unmade,
    _dead_broker,
    staircase_result,
)
"""The rules of a load that climbs until the target breaks: each of its rungs was judged by itself."""
