"""A worker without a process: orders in, reports out, in simulated time."""

from __future__ import annotations

from itertools import pairwise

import pytest

from malaria.control.messages import (
    Account,
    ConnectAll,
    EndPublishing,
    Finish,
    Finished,
    KeepGoing,
    Prepared,
    ReportAccount,
    SecondReport,
    Started,
    StartPublishing,
    Task,
)
from malaria.control.standing import Standing
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.records.rows import Counter, RunPhase
from malaria.schedule.share import WHOLE
from routes import route_at
from simulation import Machine, SimulatedWorker
from stub_broker import StubBroker
from virtual_network import Link, VirtualNetwork, VirtualTime

MS, S = 1_000_000, 1_000_000_000
WARHEAD = Warhead.model_validate(
    {"group": [{"name": "meters", "clients": 4, "rate": "10", "topic": "t/{index}"}], "attack": {"duration": "3s"}}
)


class Play:
    """One worker before a broker. Run time 0 is 300 ms before the worker starts."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.broker = StubBroker()
        self.epoch_ns = self.time.now_ns - 300 * MS
        route = route_at("127.0.0.1", 1883)
        task = Task("1", WARHEAD, WHOLE, Identity("run", 4711, 1), {"meters": route}, self.epoch_ns)
        network = VirtualNetwork(self.time, self.broker, Link(MS))
        self.worker = SimulatedWorker(self.time, network, task, Machine())
        self.channel = self.worker.channel

    def until(self, run_s: float) -> None:
        self.time.run_until(self.epoch_ns + round(run_s * S), lambda: False)

    def load(self, measure_s: float = 1, end_s: float | None = 4) -> None:
        """Connect and publish from second 1 of run time on."""
        self.channel.order(ConnectAll(rest=True))
        self.until(0.5)
        end_ns = None if end_s is None else round(end_s * S)
        self.channel.order(StartPublishing(S, round(measure_s * S), end_ns))

    def reports[R](self, kind: type[R]) -> list[R]:
        return [report for report in self.channel.reports if isinstance(report, kind)]

    def connected(self) -> int:
        return self.broker.counts.connections - self.broker.counts.disconnects


def test_a_worker_says_that_it_is_prepared_and_how_it_stands_ten_times_a_second() -> None:
    play = Play()
    play.until(1.35)
    assert play.channel.reports[0] == Prepared(4)
    assert len(play.reports(Standing)) == 11


def test_samples_end_at_whole_seconds_of_run_time_and_where_the_phase_changes() -> None:
    play = Play()
    play.load(measure_s=2.5, end_s=4)
    play.until(5.5)
    samples = [report.sample for report in play.reports(SecondReport)]
    assert [(sample.start_ns // MS, sample.end_ns // MS, sample.phase) for sample in samples] == [
        (300, 1000, RunPhase.WARMUP),  # phases are those at the end of a sample
        (1000, 2000, RunPhase.WARMUP),
        (2000, 2500, RunPhase.WARMUP),
        (2500, 3000, RunPhase.MEASURE),
        (3000, 4000, RunPhase.MEASURE),
        (4000, 5000, RunPhase.DRAIN),
    ]
    assert all(one.end_ns == other.start_ns for one, other in pairwise(samples))
    assert sum(sample.counters.get(Counter.SENT, 0) for sample in samples) == 120
    assert play.reports(Started) == [Started(S)]


def test_the_load_ends_when_it_is_ordered() -> None:
    play = Play()
    play.load(end_s=None)
    play.until(2.05)
    play.channel.order(EndPublishing())
    play.until(4)
    assert play.broker.counts.publishes == 43  # 40 of a second, and those of 50 ms
    assert play.connected() == 4


def test_an_account_comes_when_it_is_asked_for_and_at_the_end() -> None:
    play = Play()
    play.load()
    play.until(4.2)
    play.channel.order(ReportAccount())
    play.until(4.3)
    (account,) = play.reports(Account)
    assert account.published[0].sent.tolist() == [30] * 4
    play.channel.order(Finish())
    play.until(4.4)
    assert len(play.reports(Account)) == 2
    assert play.channel.reports[-1] == Finished()
    assert play.worker.worker.over
    assert play.connected() == 0


def test_a_worker_whose_bee_was_stopped_stops_its_load_when_it_hears_no_more() -> None:
    play = Play()
    play.load(end_s=None)
    for at_s in (1, 2, 3):
        play.until(at_s)
        play.channel.order(KeepGoing(4 * S))
    play.until(6.8)
    assert not play.worker.worker.over
    assert play.connected() == 4
    play.until(7.2)
    assert play.worker.worker.over
    assert play.connected() == 0
    assert play.reports(Finished) == []


@pytest.mark.parametrize("loading", [True, False])
def test_a_worker_without_a_conductor_stops_its_load_at_once(loading: bool) -> None:
    play = Play()
    play.load(end_s=None)
    play.until(2 if loading else 0.7)
    play.channel.break_off()
    sent = play.broker.counts.publishes
    play.until(10)
    assert play.worker.worker.over
    assert play.connected() == 0
    assert play.broker.counts.publishes - sent <= 1  # on its way when the conductor went
