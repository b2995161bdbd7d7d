"""The conductor: reports in, orders out, without a worker or a network."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from malaria.clock import NS_PER_S
from malaria.control.change_schedule import HAND_NOTICE_NS
from malaria.control.changes import AddClients, ChangeRate, RemoveClients, TimedChange
from malaria.control.conductor import AttackTiming, Conductor
from malaria.control.messages import (
    Account,
    ConnectAll,
    EndPublishing,
    Finish,
    Finished,
    Order,
    Prepared,
    ReportAccount,
    Started,
    StartPublishing,
    WorkerLost,
)
from malaria.control.standing import Standing, SurgeStanding
from malaria.plan.surge_schedule import SurgeTimes
from malaria.records.campaign_records import INTERRUPTED
from malaria.records.ledger import Arrivals, Published, Received
from malaria.records.rows import EventKind, RunPhase

S = NS_PER_S
TIMING = AttackTiming(warmup_ns=0, duration_ns=10 * S, drain_ns=5 * S, connect_timeout_ns=2 * S, counted=False)
IDLE = Standing(
    connect_orders=0, ready=0, expected_ready=0, refused=0, pending=0, delivered=0, arrived=0, publishing=False
)
SUBSCRIBED = replace(IDLE, connect_orders=1)
READY = replace(IDLE, connect_orders=2, ready=10, expected_ready=10)


def account(sent: int, arrived: int) -> Account:
    ledger = Arrivals(1)
    for sequence in range(arrived):
        ledger.take(0, sequence)
    publisher = np.array([0])
    published = Published(publisher, np.array([sent]), np.array([True]), {})
    return Account((published,), Received(publisher, ledger.next_sequence, ledger.received, ledger.holes), "")


class Play:
    """A conductor and the clock."""

    def __init__(self, *workers: str, timing: AttackTiming = TIMING) -> None:
        self.conductor = Conductor(workers or ("1",), timing)
        self.at_ns = 0
        self.orders: list[Order] = []

    def say(self, *reports: object, worker: str = "1") -> None:
        for report in reports:
            self.conductor.process(worker, report, self.at_ns)  # type: ignore[arg-type]

    def at(self, seconds: float) -> list[Order]:
        self.at_ns = round(seconds * S)
        orders = self.conductor.advance(self.at_ns)
        self.orders += orders
        return orders

    def connect(self) -> Play:
        """Up to the moment at which the publishers are told to connect."""
        for worker in self.conductor.workers:
            self.say(Prepared(10), worker=worker)
        assert self.at(0.05) == [ConnectAll(rest=False)]
        for worker in self.conductor.workers:
            self.say(SUBSCRIBED, worker=worker)
        assert self.at(0.1) == [ConnectAll(rest=True)]
        return self

    def measure(self) -> Play:
        self.connect()
        self.say(READY)
        self.at(0.2)
        return self


def test_publishing_begins_at_a_whole_second_when_everybody_is_ready() -> None:
    play = Play().connect()
    play.say(replace(READY, ready=9))
    assert play.at(0.3) == []
    play.say(READY)
    assert play.at(0.4) == [StartPublishing(S, S, 11 * S)]
    assert play.conductor.phase is RunPhase.MEASURE


def test_nobody_waits_for_ever_for_clients_that_cannot_connect() -> None:
    play = Play().connect()
    play.say(replace(READY, ready=7))
    assert play.at(1) == []
    assert play.at(5) == []
    assert isinstance(play.at(6.5)[0], StartPublishing)
    assert any("7 of 10" in event.text for event in play.conductor.events())


def test_nobody_waits_for_ever_for_clients_that_throw_each_other_out() -> None:
    play = Play().connect()
    for tenth in range(10, 60):
        play.say(replace(READY, ready=9 - tenth % 2))
        assert play.at(tenth / 10) == []
    play.say(replace(READY, ready=8))
    assert isinstance(play.at(6.5)[0], StartPublishing)


def test_no_client_at_all_ends_the_attack() -> None:
    play = Play().connect()
    play.say(replace(READY, ready=0))
    play.at(0.1)
    assert play.at(5.5) == [Finish()]
    assert play.conductor.aborted == "no client could connect"


def test_it_drains_until_everything_that_was_sent_has_arrived() -> None:
    play = Play().measure()
    play.at(11.1)
    assert play.conductor.phase is RunPhase.DRAIN
    play.say(replace(READY, pending=3, arrived=5))
    assert play.at(11.8) == []
    play.say(replace(READY, arrived=5))
    assert play.at(12.2) == [ReportAccount()]
    play.say(account(sent=6, arrived=5))
    assert play.at(12.3) == []  # one is missing: it may still come
    play.say(replace(READY, arrived=6))
    assert play.at(12.4) == []
    assert play.at(12.8) == [ReportAccount()]
    play.say(account(sent=6, arrived=6))
    assert play.at(12.9) == [Finish()]
    play.say(account(sent=6, arrived=6), Finished())
    play.at(13)
    assert play.conductor.over
    assert not play.conductor.aborted


def test_the_drain_has_an_end() -> None:
    play = Play().measure()
    play.at(11.1)
    play.say(replace(READY, pending=3))
    assert play.at(15) == []
    assert play.at(16.2) == [Finish()]


def test_what_comes_first_ends_the_measured_time() -> None:
    play = Play(timing=replace(TIMING, counted=True)).measure()
    play.say(replace(READY, publishing=True))
    assert play.at(4) == []
    play.say(READY)
    assert play.at(5) == [EndPublishing()]


def test_an_attack_without_a_duration_ends_when_all_is_sent() -> None:
    play = Play(timing=replace(TIMING, duration_ns=None, counted=True)).measure()
    play.say(replace(READY, publishing=True))
    assert play.at(60) == []
    play.say(READY)
    assert play.at(61) == [EndPublishing()]
    assert play.conductor.measure_end_ns == 61 * S


def test_the_first_interrupt_drains_and_the_second_stops() -> None:
    play = Play().measure()
    play.at(3)
    assert play.conductor.interrupt(1, 4 * S) == [EndPublishing()]
    assert play.conductor.phase is RunPhase.DRAIN
    assert play.conductor.measure_end_ns == 4 * S
    assert play.conductor.interrupt(2, 5 * S) == [Finish()]
    assert "interrupted" in play.conductor.aborted


def test_the_drain_of_an_interrupted_load_is_short() -> None:
    """What the broker owes is unresolved then: the operator waits half a second for it, whatever `drain` says."""
    play = Play().measure()
    play.at(3)
    play.say(replace(READY, pending=7))
    play.conductor.interrupt(1, 4 * S)
    assert play.at(4.5) == []
    assert play.at(4.6) == [Finish()]


def test_an_interrupt_in_the_drain_stops_the_wait() -> None:
    play = Play().measure()
    end_s = play.conductor.measure_end_ns / S
    play.at(end_s)
    assert play.conductor.phase is RunPhase.DRAIN
    assert play.conductor.interrupt(1, round((end_s + 1) * S)) == [Finish()]


def test_an_interrupt_before_the_start_stops() -> None:
    play = Play()
    play.say(Prepared(10))
    play.at(0.1)
    assert play.conductor.interrupt(1, S) == [Finish()]


def test_a_lost_worker_is_marked_and_the_others_go_on() -> None:
    play = Play("1", "2").connect()
    play.say(READY)
    play.say(WorkerLost("was killed by SIGKILL"), worker="2")
    assert isinstance(play.at(0.2)[0], StartPublishing)
    assert [e.text for e in play.conductor.events() if e.kind is EventKind.LOST] == ["worker 2 was killed by SIGKILL"]
    assert play.conductor.deliveries() is None


def test_without_any_worker_it_is_over() -> None:
    play = Play()
    play.say(WorkerLost("was killed by SIGKILL"))
    play.at(1)
    assert play.conductor.over


@pytest.mark.parametrize("silent_s", [14.0, 16.0])
def test_a_worker_that_never_reports_its_end_is_lost(silent_s: float) -> None:
    play = Play().measure()
    play.at(11.1)
    assert play.at(16.2) == [Finish()]
    play.at(16.2 + silent_s)
    assert play.conductor.over is (silent_s > 15)


COME_AND_GO = SurgeTimes("meters", 5, 2 * S, 4 * S, 6 * S)
SURGING = replace(TIMING, surges=(COME_AND_GO,))


def marks(play: Play) -> list[str]:
    return [event.text for event in play.conductor.events() if event.kind is EventKind.SURGE]


def test_a_surge_is_announced_ahead_and_marked_in_time() -> None:
    play = Play(timing=SURGING).measure()
    assert play.at(1.9) == []
    assert play.at(2.05) == [TimedChange(3 * S, AddClients(0, 5 * S))]
    assert marks(play) == []
    play.at(3.01)
    assert marks(play) == ["+5 clients"]
    play.say(replace(READY, surges=(SurgeStanding(5, 3 * S + 7, 0, 0),)))
    assert play.at(6.1) == [TimedChange(7 * S, RemoveClients(0))]
    play.at(7.01)
    play.say(replace(READY, surges=(SurgeStanding(5, 3 * S + 7, 5, 7 * S + 9),)))
    assert marks(play) == ["\N{MINUS SIGN}5 clients"]
    (surge,) = play.conductor.surge_facts()
    assert (surge.group, surge.clients) == ("meters", 5)
    assert (surge.add_ns, surge.added_ns) == (3 * S, 3 * S + 7)
    assert (surge.remove_ns, surge.removed_ns) == (7 * S, 7 * S + 9)


def test_a_surge_of_the_warm_up_counts_from_the_measured_time() -> None:
    play = Play(timing=replace(SURGING, warmup_ns=3 * S)).connect()
    play.say(READY)
    assert isinstance(play.at(0.2)[0], StartPublishing)
    assert play.at(4.5) == []
    assert play.at(5.1) == [TimedChange(6 * S, AddClients(0, 8 * S))]


def test_an_interrupt_calls_off_what_was_announced() -> None:
    play = Play(timing=SURGING).measure()
    assert play.at(2.5)
    assert play.conductor.interrupt(1, round(2.8 * S)) == [EndPublishing()]
    play.at(9)
    assert marks(play) == []
    assert play.conductor.surge_facts()[0].add_ns is None


def test_an_interrupt_in_the_middle_keeps_what_had_happened() -> None:
    play = Play(timing=SURGING).measure()
    play.at(2.5)
    assert play.conductor.interrupt(1, round(3.4 * S)) == [EndPublishing()]
    assert marks(play) == ["+5 clients"]
    play.at(9)
    surge = play.conductor.surge_facts()[0]
    assert (surge.add_ns, surge.remove_ns) == (3 * S, None)


def test_an_attack_without_a_duration_waits_for_its_surges() -> None:
    play = Play(timing=replace(SURGING, duration_ns=None, counted=True)).measure()
    play.say(READY)
    assert play.at(5) == [TimedChange(3 * S, AddClients(0, 5 * S))]
    assert play.at(6.5) == [TimedChange(7 * S, RemoveClients(0))]
    play.say(READY)
    assert play.at(7.1) == [EndPublishing()]


def test_a_worker_lost_in_a_surge_leaves_open_when_it_was_whole() -> None:
    play = Play("1", "2", timing=SURGING).connect()
    for worker in ("1", "2"):
        play.say(READY, worker=worker)
    for seconds in (0.2, 2.5, 3.1):
        play.at(seconds)
    play.say(replace(READY, surges=(SurgeStanding(3, 3 * S + 7, 0, 0),)))
    play.say(WorkerLost("was killed by SIGKILL"), worker="2")
    play.say(replace(READY, surges=(SurgeStanding(3, 3 * S + 7, 0, 0),)))
    play.at(7.5)
    surge = play.conductor.surge_facts()[0]
    assert (surge.add_ns, surge.added_ns) == (3 * S, None)


def test_what_was_known_of_a_surge_stays_known_when_a_worker_is_lost() -> None:
    play = Play("1", "2", timing=SURGING).connect()
    for worker in ("1", "2"):
        play.say(READY, worker=worker)
    for seconds in (0.2, 2.5, 3.1):
        play.at(seconds)
    play.say(replace(READY, surges=(SurgeStanding(3, 3 * S + 7, 0, 0),)))
    play.say(replace(READY, surges=(SurgeStanding(2, 3 * S + 9, 0, 0),)), worker="2")
    play.say(WorkerLost("was killed by SIGKILL"), worker="2")
    play.at(7.5)
    assert play.conductor.surge_facts()[0].added_ns == 3 * S + 9


def test_a_change_by_hand_goes_through_the_same_door() -> None:
    change = ChangeRate("meters", Fraction(2))
    play = Play().connect()
    assert play.conductor.change_at(change, play.at_ns + HAND_NOTICE_NS) == []  # no load runs yet
    play.say(READY)
    play.at(0.2)
    (act,) = play.conductor.change_at(change, 4 * S + HAND_NOTICE_NS)
    assert isinstance(act, TimedChange)
    assert 4 * S < act.at_ns <= 5 * S
    play.at(6)
    assert [(e.at_ns, e.text) for e in play.conductor.events() if e.kind is EventKind.ACT] == [
        (act.at_ns, "meters: 0.5 msg/s each")
    ]


def test_a_bee_that_is_lost_is_marked_once_however_many_workers_it_had() -> None:
    play = Play("bee-1/1", "bee-1/2", "bee-2/1").connect()
    play.conductor.events()
    for worker in ("bee-1/1", "bee-1/2"):
        play.say(WorkerLost("went silent", "bee-1"), worker=worker)
    play.say(WorkerLost("was killed"), worker="bee-2/1")
    assert [event.text for event in play.conductor.events()] == ["bee-1 went silent", "worker bee-2/1 was killed"]
    assert all(worker.lost for worker in play.conductor.workers.values())


def test_the_start_is_announced_as_far_ahead_as_the_timing_says_and_its_instants_are_kept() -> None:
    play = Play("a", "b", timing=replace(TIMING, notice_ns=2 * S)).connect()
    for worker in ("a", "b"):
        play.say(READY, worker=worker)
    (publish,) = [order for order in play.at(0.2) if isinstance(order, StartPublishing)]
    assert publish.origin_ns == 3 * S
    play.say(Started(3 * S + 5), worker="a")
    assert play.conductor.starts_ns == {"a": 3 * S + 5}


CLOSED = AttackTiming(0, None, 5 * S, 2 * S, counted=True)
BUSY = replace(READY, publishing=True, moved=7, clients_behind=2, unsent=200)


def test_a_load_without_a_duration_ends_when_nothing_moves() -> None:
    play = Play(timing=CLOSED).measure()
    play.say(BUSY)
    play.at(2)
    play.say(replace(BUSY, moved=8))
    assert play.at(3) == []
    for tenth in range(31, 81):
        play.say(replace(BUSY, moved=8))
        assert play.at(tenth / 10) == []
    play.say(replace(BUSY, moved=8))
    assert play.at(8.1) == [EndPublishing()]  # the drain's 5 s after the last message, as GIVE_UP allows 2 + 3
    assert play.conductor.stalled == "nothing moved for 5 s: 2 clients still had 200 messages to send"
    assert play.conductor.stalled in [event.text for event in play.conductor.events()]


def test_a_schedule_is_waited_for_however_little_moves() -> None:
    play = Play(timing=CLOSED).measure()
    for second in range(1, 100):
        play.say(replace(BUSY, scheduled=True))
        assert play.at(second) == []
    assert not play.conductor.stalled


@pytest.mark.parametrize(("names", "missed_s"), [(("1", "2"), 3.1), (("bee-1/1", "bee-2/1"), 6.1)])
def test_a_silent_bee_is_lost_before_its_worker_is_missed(names: tuple[str, str], missed_s: float) -> None:
    """The swarm gives up a bee after 3 s; a mark that speaks of 15 s would contradict it."""
    play = Play(*names).connect()
    for name in names:
        play.say(READY, worker=name)
    play.at(0.2)
    play.conductor.events()
    seen: list[float] = []
    for tenth in range(3, 100):
        play.say(READY, worker=names[0])
        play.at(tenth / 10)
        seen += [tenth / 10 for event in play.conductor.events() if event.kind is EventKind.LOST]
    assert seen == [pytest.approx(missed_s, abs=0.3)]


def test_a_worker_that_reports_nothing_is_missed_and_then_lost() -> None:
    play = Play("1", "2").connect()
    play.say(READY, worker="1")
    play.say(READY, worker="2")
    play.at(0.2)
    play.conductor.events()
    for tenth in range(10, 190):
        play.say(READY, worker="1")
        play.at(tenth / 10)
    assert [event.text for event in play.conductor.events() if event.kind is EventKind.LOST] == [
        "worker 2 reports nothing; it is given up after 15 s",
        "worker 2 reported nothing for 15 s",
    ]
    assert play.conductor.workers["2"].lost
    assert not play.conductor.workers["1"].lost


def test_a_conductor_that_stood_still_itself_blames_no_worker() -> None:
    play = Play().measure()
    play.at(100)
    assert not play.conductor.workers["1"].lost


def test_the_wait_for_workers_that_do_not_get_ready_is_announced_and_bounded() -> None:
    play = Play("1", "2", "3")
    play.say(Prepared(10), worker="1")
    assert play.at(4) == []
    waiting = "waiting for 2 workers (2, 3) to get ready, 2 min at most"
    assert waiting in [event.text for event in play.conductor.events()]
    assert play.at(121) == [Finish()]
    assert play.conductor.aborted == "2 workers (2, 3) did not get ready in 2 min"
    play.say(Finished(), worker="1")
    play.at(121.1)
    assert play.conductor.over


def test_an_interrupt_before_the_workers_are_ready_ends_at_once() -> None:
    play = Play("1", "2")
    play.say(Prepared(10), worker="1")
    assert play.conductor.interrupt(1, S) == []
    assert play.conductor.over
    assert not play.conductor.workers["2"].lost


@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_that_does_not_finish_holds_up_an_interrupted_operator_for_long(times: int) -> None:
    play = Play().measure() if times == 2 else Play().connect()
    for time in range(1, times + 1):
        play.conductor.interrupt(time, 2 * S)
    assert play.at(3.4) == []
    play.at(3.6)
    assert play.conductor.over
    assert play.conductor.aborted == INTERRUPTED
