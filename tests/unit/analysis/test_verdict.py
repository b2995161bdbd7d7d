"""PASS, FAIL, INVALID or UNKNOWN: every rule, and which of them wins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Verdict
from malaria.analysis.verdict import RULES, judge
from malaria.records.damage import RunDamage, TableDamage
from malaria.records.rows import CONNECTION_LOST, GAP, Counter, Event, EventKind, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import Course, made_by_bees, make_run, with_meta

MS = 10**6
GOOD = make_run(seconds=12, clients=600)


def verdict(records: Run) -> Verdict:
    return judge(records, summarize(records))


def counted(records: Run, counter: Counter, count: int) -> Run:
    """The same run with something more counted in its middle."""
    samples = list(records.samples)
    place = len(samples) // 2
    samples[place] = replace(samples[place], counters={**samples[place].counters, counter.value: count})
    return replace(records, samples=tuple(samples))


def settled(records: Run, **figures: Any) -> Run:
    assert records.ledger is not None
    return replace(records, ledger=replace(records.ledger, **figures))


MOST_CONNECTED = summarize(GOOD).clients.connected_peak or 0
LOST = [{"worker": "2", "share": "1/2..1", "reason": "was killed by SIGKILL"}]
DISK = {"failures": 3, "first": "database or disk is full", "forgotten_rows": 12}

CASES: dict[str, tuple[Run, Outcome, str, str]] = {
    "good": (GOOD, Outcome.PASS, "", ""),
    "damaged": (
        replace(GOOD, damage=RunDamage((TableDamage("event", "event 2: no kind", 1, 5),))),
        Outcome.UNKNOWN,
        "run.db is damaged: 1 of 5 events could not be read",
        "restore the file from a copy, or run again",
    ),
    "late": (
        make_run(seconds=12, trouble="generator-limit"),
        Outcome.INVALID,
        "this machine was the limit: messages left",
        "Add --workers",
    ),
    "late without a busy core": (
        with_meta(GOOD, own_lag_limit_ns=1),
        Outcome.INVALID,
        "though its workers had CPU to spare",
        "Something else kept this machine busy",
    ),
    "a full core and a little late": (
        with_meta(make_run(seconds=12, trouble="generator-limit"), own_lag_limit_ns=1000 * MS),
        Outcome.INVALID,
        "late (p99), worker",
        "Add --workers",
    ),
    "no limit stated": (
        with_meta(make_run(seconds=12, trouble="generator-limit"), own_lag_limit_ns=None),
        Outcome.INVALID,
        "at most 50 ms, --own-lag-limit",  # a tenth of the 500 ms that ack p99 may be
        "",
    ),
    "clients are missing for lack of ports": (
        with_meta(
            GOOD,
            clients_planned=10**6,
            connect_failures={"no free local port": 7, "refused": 9},
            own_shortages={"no free local port": 7},
            remedies={"no free local port": "add --source-address"},
        ),
        Outcome.INVALID,
        "this machine was the limit: 7 clients could not connect: no free local port",
        "add --source-address",
    ),
    "ports were short for a while": (
        with_meta(GOOD, connect_failures={"no free local port": 7}, own_shortages={"no free local port": 7}),
        Outcome.PASS,
        "this machine delayed connects: 7 clients had to try again: no free local port",
        "",
    ),
    "the observer has the last place": (
        with_meta(
            GOOD,
            clients_planned=1 + MOST_CONNECTED,
            observers=[{"observer": "sys", "samples": 9}],
            connect_failures={"the broker closed the connection": 1},
        ),
        Outcome.INVALID,
        "malaria's own $SYS observer uses one connection",
        "--observe none",
    ),
    "lost worker": (
        with_meta(GOOD, lost_workers=LOST),
        Outcome.UNKNOWN,
        "worker 2 was killed by SIGKILL: its share",
        "dmesg",
    ),
    "interrupted, and bees lost by it": (
        with_meta(GOOD, lost_workers=LOST, aborted="interrupted by the operator", duration_planned_s=60.0),
        Outcome.UNKNOWN,
        "stopped by the operator after 12 s of 1 min (1,200 messages): too little to judge",
        "run it again to its end",
    ),
    "interrupted after its load": (
        with_meta(GOOD, aborted="interrupted by the operator", duration_planned_s=12.0),
        Outcome.UNKNOWN,
        "stopped by the operator after the load, before its last messages were settled",
        "run it again to its end",
    ),
    "aborted": (
        with_meta(GOOD, aborted="no client could connect", connect_failures={"a": 1, "connection refused": 1200}),
        Outcome.UNKNOWN,
        "the attack ended early: no client could connect: connection refused (1,200); a (1)",
        "look at the broker's log",
    ),
    "no end": (with_meta(GOOD, end_ns=None), Outcome.UNKNOWN, "the run did not finish", "run it again"),
    "nothing measured": (
        replace(GOOD, samples=tuple(s for s in GOOD.samples if s.phase is RunPhase.CONNECT)),
        Outcome.UNKNOWN,
        "nothing was measured",
        "events",
    ),
    "changes that did not fit": (
        with_meta(GOOD, unmade_changes=("-5 at 1 s was not made: it has 3", "pause at 2 s")),
        Outcome.UNKNOWN,
        "the load was not the one of the warhead: -5 at 1 s was not made: it has 3, and 1 more change neither",
        "[[change]]",
    ),
    "full disk": (with_meta(GOOD, disk_trouble=DISK), Outcome.UNKNOWN, "12 records could not be stored", "-o"),
    "disk that recovered": (with_meta(GOOD, disk_trouble={**DISK, "forgotten_rows": 0}), Outcome.PASS, "", ""),
    "dead broker": (
        replace(GOOD, events=(*GOOD.events, Event(9 * 10**9, EventKind.BROKER, "mosquitto ended with signal KILL"))),
        Outcome.FAIL,
        "mosquitto ended with signal KILL (at 0:0",
        "log",
    ),
    "dropped": (counted(GOOD, Counter.DROPPED, 7), Outcome.FAIL, "7 connections were lost", "log"),
    "subscription refused": (
        counted(GOOD, Counter.SUBSCRIPTIONS_REFUSED, 2),
        Outcome.FAIL,
        "the broker refused 2 subscriptions",
        "access rules",
    ),
    "subscription refused, and so nothing delivered": (
        settled(counted(GOOD, Counter.SUBSCRIPTIONS_REFUSED, 2), lost=20, acked_lost=20),
        Outcome.FAIL,
        "the broker refused 2 subscriptions",
        "access rules",
    ),
    "subscription with a lower QoS": (
        counted(GOOD, Counter.SUBSCRIPTIONS_LOWERED, 2),
        Outcome.PASS,
        "the broker granted 2 subscriptions a lower QoS than asked",
        "",
    ),
    "packets that answer nothing": (
        counted(make_run(seconds=12, trouble="generator-limit"), Counter.STRAY_ACK, 1_000_000),
        Outcome.FAIL,
        "the broker sent 1,000,000 packets that answer nothing",
        "the makers of the broker",
    ),
    "QoS 2 delivered twice": (
        settled(GOOD, duplicated=2, duplicated_qos_2=1),
        Outcome.FAIL,
        "1 message of QoS 2 was delivered more than once",
        "exactly one delivery",
    ),
    "all messages of a publisher lost": (
        settled(GOOD, lost=3, acked_lost=3, unheard_publishers=1, unheard_lost=3),
        Outcome.FAIL,
        "none of the messages of 1 publisher arrived",
        "access rules (ACL)",
    ),
    "message refused": (
        settled(counted(GOOD, Counter.PUBLISHES_REFUSED, 1), unresolved=1),
        Outcome.FAIL,
        "the broker refused 1 message",
        "access rules",
    ),
    "too large": (counted(GOOD, Counter.TOO_LARGE, 2), Outcome.FAIL, "2 messages were larger than", "--size"),
    "lost": (settled(GOOD, lost=3), Outcome.FAIL, "3 of 1,200 deliveries were lost", "queue limits"),
    "acknowledged and lost": (
        settled(GOOD, lost=3, acked_lost=2),
        Outcome.FAIL,
        "the broker lost 2 messages that it had acknowledged",
        "persistence",
    ),
    "behind": (make_run(trouble="falls-behind"), Outcome.FAIL, "the broker fell behind at 0:1", "fewer clients"),
    "open": (make_run(trouble="unfinished"), Outcome.FAIL, "neither acknowledged nor delivered", "drain"),
    "never acknowledged, yet delivered": (
        settled(GOOD, unacked=10, expected=1200),
        Outcome.FAIL,
        "10 messages were never acknowledged, yet delivered",
        "drain",
    ),
    "never acknowledged, and some not delivered": (
        settled(GOOD, unacked=10, unresolved=2, expected=1200),
        Outcome.FAIL,
        "10 messages were never acknowledged; 2 of their deliveries are missing",
        "drain",
    ),
    "standstill": (
        with_meta(GOOD, stalled="nothing moved for 13 s"),
        Outcome.FAIL,
        "the load came to a standstill: nothing moved for 13 s",
        "log",
    ),
    "threshold": (with_meta(GOOD, thresholds=["ack.p99 < 1us"]), Outcome.FAIL, "ack p99 is", "latency"),
    "undecided threshold": (
        with_meta(settled(GOOD, duplicated=None), thresholds=["messages.duplicated == 0"]),
        Outcome.UNKNOWN,
        "messages duplicated = 0: the figure is not known",
        "",
    ),
    "threshold of another version": (
        with_meta(GOOD, thresholds=["ack.p42 < 1s"]),
        Outcome.UNKNOWN,
        "the stored threshold 'ack.p42 < 1s'",
        "did you mean",
    ),
    "surge": (
        Course([100] * 40, ack_ms=[2.0] * 10 + [900.0] * 30, surges=[(50, 10, 20)]).run(),
        Outcome.FAIL,
        "+50 clients at 0:10: the broker bent and never recovered within 20 s (metastable)",
        "during the surge and after it",
    ),
    "surge that nobody saw out": (
        Course([100] * 22, ack_ms=[2.0] * 10 + [900.0] * 10 + [2.0] * 2, surges=[(50, 10, 20)]).run(),
        Outcome.UNKNOWN,
        "+50 clients at 0:10: the broker bent, whether it recovered is not known: ack p99 was 900 ms",
        "last longer",
    ),
    "lost observer": (
        Course([100] * 12, told=[(1, {"publish_dropped": 0}), (5, {GAP: "gone"})]).run(),
        Outcome.PASS,
        "observer sys was lost at 0:05: gone",
        "",
    ),
    "observer lost before the measured time, and for good": (
        Course([100] * 12, told=[(0, {"publish_dropped": 0}), (0, {GAP: "gone"})]).run(),
        Outcome.PASS,
        "observer sys was lost at 0:00: gone",
        "",
    ),
    "observer that was back in time": (
        Course([100] * 12, told=[(0, {GAP: "not yet"}), (0, {"publish_dropped": 0})]).run(),
        Outcome.PASS,
        "",
        "",
    ),
    "observer that never saw anything": (
        Course([100] * 12, told=[(0, {GAP: "no such topics"})]).run(),
        Outcome.PASS,
        "observer sys saw nothing: no such topics",
        "",
    ),
    "lost observer whose figure is needed": (
        Course(
            [100] * 12,
            told=[(1, {"publish_dropped": 0}), (5, {GAP: "gone"})],
            meta={"thresholds": ["broker.dropped == 0"]},
        ).run(),
        Outcome.UNKNOWN,
        "messages dropped by the broker = 0: the figure is not known",
        "--observe",
    ),
    "a clock that jumped": (
        made_by_bees(GOOD, clocks={"error_ns": 1, "bees": [{"bee": "bee-2", "steps": 39}]}),
        Outcome.PASS,
        "the clock of bee-2 jumped 39 times",
        "look at what disturbs its clock",
    ),
    "a start further apart than the clocks": (
        made_by_bees(GOOD, start={"first_ns": 0, "last_ns": 812 * MS, "spread_ns": 812 * MS}),
        Outcome.PASS,
        "the workers began 812 ms apart, more than the error of their clocks (0.40 ms)",
        "which began late",
    ),
    "bees that are well": (made_by_bees(GOOD), Outcome.PASS, "", ""),
    "unknown by our own rule": (settled(GOOD, lost=None), Outcome.PASS, "", ""),
}


def test_of_hundreds_of_surges_a_few_have_a_sentence() -> None:
    # the last of them has the time until the end, and needs no remark
    found = verdict(Course([100] * 12, surges=[(1, 9, None)] * 270).run())
    told = [reason.text for reason in found.reasons]
    assert [text.startswith("+1 client at 0:09: ") for text in told] == [True] * 5 + [False]
    assert told[-1] == "the like of 264 more surges, which summary.json has"


@pytest.mark.parametrize("case", CASES)
def test_every_rule(case: str) -> None:
    records, outcome, text, remedy = CASES[case]
    found = verdict(records)
    assert found.outcome is outcome
    assert bool(found.reasons) is bool(text)
    if text:
        assert text in found.reasons[0].text
        assert remedy in found.reasons[0].remedy


def test_a_broker_that_acknowledges_nothing_failed_however_late_messages_left() -> None:
    late = make_run(seconds=12, trouble="generator-limit")
    assert late.ledger is not None
    silent = settled(late, acked=0, delivered=0, lost=0, acked_lost=0, unacked=late.ledger.sent)
    assert verdict(silent).outcome is Outcome.FAIL


def test_every_rule_is_tried_by_a_case() -> None:
    judged = [(records, summarize(records)) for records, *_ in CASES.values()]
    silent = [rule.__name__ for rule in RULES if not any(rule(records, summary) for records, summary in judged)]
    # which have tests of their own
    assert silent == [
        "cut_off_bee",
        "_slow_handshakes",
        "_all_closed",
        "_allowed_stalls",
        "_own_lag_in_latencies",
        "_taken_machine",
        "_closed_loop_limit",
        "known_delays",
    ]


def lost_in_minute(cause: str, *, taken_over: int = 0, own_client_ids: bool | None = None) -> Run:
    """A run that lost three connections for one cause."""
    records = counted(counted(GOOD, Counter.TAKEN_OVER, taken_over), Counter.DROPPED, 3)
    event = Event(GOOD.events[-1].at_ns, EventKind.TROUBLE, f"{CONNECTION_LOST}{cause}", "1", 3)
    return with_meta(replace(records, events=(*records.events, event)), own_client_ids=own_client_ids)


@pytest.mark.parametrize(
    ("records", "remedy"),
    [
        (lost_in_minute("session taken over", taken_over=3), "another client uses the same client ids"),
        (lost_in_minute("the broker closed the connection", own_client_ids=False), "The client ids lack {run}"),
        (lost_in_minute("the broker closed the connection", own_client_ids=True), "the events of the run"),
        (lost_in_minute("the broker closed the connection"), "the events of the run"),
    ],
)
def test_lost_connections_name_their_cause_and_a_takeover(records: Run, remedy: str) -> None:
    (reason,) = verdict(records).reasons[:1]
    cause = "session taken over" if "another client" in remedy else "the broker closed the connection"
    assert reason.text == f"3 connections were lost: {cause}"
    assert reason.remedy.find(remedy) >= 0


def test_the_order_of_precedence() -> None:
    """Everything wrong at once, and then one after the other put right."""
    records = counted(make_run(seconds=12, trouble="generator-limit"), Counter.DROPPED, 3)
    wrong = settled(with_meta(records, lost_workers=LOST, thresholds=["messages.duplicated == 0"]), duplicated=None)
    assert verdict(wrong).outcome is Outcome.UNKNOWN
    assert "SIGKILL" in verdict(wrong).reasons[0].text
    assert verdict(with_meta(wrong, lost_workers=[])).outcome is Outcome.INVALID
    on_time = with_meta(counted(GOOD, Counter.DROPPED, 3), thresholds=["messages.duplicated == 0"])
    whole = settled(on_time, duplicated=None)
    assert verdict(whole).outcome is Outcome.FAIL
    assert [reason.outcome for reason in verdict(whole).reasons] == [Outcome.FAIL, Outcome.UNKNOWN]


def test_in_a_closed_loop_our_own_limit_is_a_remark() -> None:
    records = with_meta(make_run(seconds=12, trouble="generator-limit"), closed_loop=True)
    found = verdict(records)
    assert found.outcome is Outcome.PASS
    assert "closed loop: worker" in found.reasons[0].text
    assert "lower bound" in found.reasons[0].text
    assert verdict(with_meta(GOOD, closed_loop=True)).reasons == ()


def test_a_remark_does_not_hide_a_failure() -> None:
    records = with_meta(make_run(seconds=12, trouble="generator-limit"), closed_loop=True, thresholds=["ack.p50 < 1us"])
    assert [reason.outcome for reason in verdict(records).reasons] == [Outcome.FAIL, Outcome.PASS]


def test_a_sample_alone_does_not_make_a_verdict() -> None:
    records = Run(RunMeta.model_validate({"clients_planned": 5}), (Sample("1", 0, 10**9, RunPhase.MEASURE),), (), None)
    assert verdict(records).outcome is Outcome.UNKNOWN


def test_a_bee_that_is_lost_is_told_by_its_name_and_share() -> None:
    lost = [
        {"worker": "bee-2", "share": "1/2", "reason": "went silent"},
        {"worker": "bee-1/1", "share": "1/4", "reason": "was killed by SIGKILL"},
    ]
    records = with_meta(make_run(), workers=["bee-1/1", "bee-1/2", "bee-2/1"], lost_workers=lost)
    verdict = judge(records, summarize(records))
    assert verdict.outcome is Outcome.UNKNOWN
    assert [reason.text for reason in verdict.reasons[:2]] == [
        "bee-2 went silent: its share, 1/2 of the load, is missing",
        "worker bee-1/1 was killed by SIGKILL: its share, 1/4 of the load, is missing",
    ]
    assert "malaria swarm collect" in verdict.reasons[0].remedy


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [("was killed by SIGKILL", "dmesg"), ("failed: ValueError: no", "report it"),
     ("did not report at the end", "SIGSTOP"), ("ended by itself with exit code 7", "what else")],
)  # fmt: skip
def test_the_remedy_for_a_lost_worker_fits_its_reason(reason: str, remedy: str) -> None:
    lost = [{"worker": "2", "share": "1/2", "reason": reason}]
    found = verdict(with_meta(GOOD, lost_workers=lost))
    assert remedy in found.reasons[0].remedy
    assert ("dmesg" in found.reasons[0].remedy) is ("SIGKILL" in reason)
