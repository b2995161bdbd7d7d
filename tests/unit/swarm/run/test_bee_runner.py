"""A bee on its host, with workers that are lists: what it keeps, what it sends, and when it stops by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from malaria.clock import now_ns
from malaria.control.messages import (
    ConnectAll,
    CorrectEpoch,
    Finish,
    Finished,
    KeepGoing,
    Order,
    Prepared,
    Report,
    Started,
)
from malaria.control.standing import Standing
from malaria.errors import OperatorError, UnreachedTargetError
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.schedule.share import WHOLE, Share
from malaria.swarm.run import bee_runner as module
from malaria.swarm.run.bee_messages import Assignment, Command, ReportBatch
from malaria.swarm.run.bee_runner import BeeRunner, gather
from malaria.swarm.run.heartbeats import CONDUCTOR_PATIENCE_NS, Heartbeats
from malaria.swarm.run.spool import read_spool
from malaria.workers.local import Load
from stub_server import StubServer

WARHEAD = Warhead.model_validate(
    {"group": [{"name": "g", "clients": 4, "size": 20, "topic": "t"}], "attack": {"duration": "1s"}}
)
ASSIGNMENT = Assignment(
    WARHEAD, {"g": parse_target("mqtt://127.0.0.1:1")}, Identity("run", 1, 1), WHOLE.split(2)[1], 5, workers=1
)


def standing(ready: int) -> Standing:
    return Standing(1, ready, 4, 0, 0, 0, 0, publishing=False)


class FakeBee:
    """One worker. It says what is in `saying`, and its last word once it is told to finish."""

    def __init__(self, load: Load, share: Share, workers: int, name: str) -> None:
        self.load, self.share = load, share
        self.workers = (f"{name}1",)
        self.orders: list[Order] = []
        self.kept_going = 0
        self.saying: list[Report] = []
        self.said = threading.Event()
        self.working = True
        self.closed = False

    def share_of(self, _: str) -> Share:
        return self.share

    def order(self, order: Order) -> None:
        if isinstance(order, KeepGoing):
            self.kept_going += 1
            return
        self.orders.append(order)
        self.said.set()

    def poll(self, timeout_s: float) -> list[tuple[str, Report]]:
        self.said.wait(timeout_s)
        self.said.clear()
        told, self.saying = [*self.saying], []
        if Finish() in self.orders and self.working:
            self.working = False
            told.append(Finished())
        return [(self.workers[0], report) for report in told]

    def close(self) -> None:
        self.closed = True


def test_a_bee_looks_at_the_target_with_the_first_clients_of_its_share(tmp_path: Path) -> None:
    bee = BeeRunner("bee-2", "run", tmp_path, "127.0.0.1", lambda _: None)
    with StubServer() as stub:
        found = bee.knock(replace(ASSIGNMENT, targets={"g": parse_target(f"mqtt://127.0.0.1:{stub.port}")}))
        assert stub.counts.connections == 1
    assert (found.bee, found.notes) == ("bee-2", ())
    with pytest.raises(UnreachedTargetError, match="nothing listens at this port"):
        bee.knock(ASSIGNMENT)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeBee]]:
    """The bees that were made."""
    bees: list[FakeBee] = []

    def make(*arguments: object) -> FakeBee:
        bees.append(FakeBee(*arguments))  # type: ignore[arg-type]
        return bees[-1]

    monkeypatch.setattr(module, "LocalWorkers", make)
    yield bees
    for bee in bees:
        bee.order(Finish())


class Sent(list[ReportBatch]):
    """The batches that a bee has sent."""

    @property
    def reports(self) -> list[Report]:
        return [kept.report for batch in self for kept in batch.reports]


def runner_in(directory: Path, sent: Sent) -> BeeRunner:
    return BeeRunner("bee-2", "run", directory, "127.0.0.1", sent.append)


def test_it_makes_its_share_on_its_own_clock_and_no_other(tmp_path: Path, made: list[FakeBee]) -> None:
    one = runner_in(tmp_path, Sent())
    assigned = one.assign(ASSIGNMENT)
    assert dict(assigned.workers) == {"bee-2/1": WHOLE.split(2)[1]}
    assert made[0].load.epoch_ns == 5
    assert list(made[0].load.routes) == ["g"]
    with pytest.raises(OperatorError, match="has its share already"):
        one.assign(ASSIGNMENT)
    one.stop("over")
    one.close()
    assert made[0].closed


def test_without_an_assignment_no_command_makes_load(tmp_path: Path, made: list[FakeBee]) -> None:
    assert runner_in(tmp_path, Sent()).execute(Command((ConnectAll(rest=True),))) > 0
    assert made == []


def test_orders_are_passed_on_and_reports_are_numbered_kept_and_sent(tmp_path: Path, made: list[FakeBee]) -> None:
    sent = Sent()
    one = runner_in(tmp_path, sent)
    one.assign(ASSIGNMENT)
    made[0].saying += [Prepared(2), standing(1), standing(2)]
    one.execute(Command((ConnectAll(rest=True),), epoch_ns=7))
    assert made[0].orders == [CorrectEpoch(7), ConnectAll(rest=True)]
    one.execute(Command((Finish(),)))
    one.close()
    assert made[0].kept_going
    assert [report for report in sent.reports if not isinstance(report, Standing)] == [Prepared(2), Finished()]
    numbers = [kept.sequence for batch in sent for kept in batch.reports]
    assert numbers == list(range(len(numbers)))
    (file,) = (tmp_path / "spool").iterdir()
    _, kept = read_spool(file.read_bytes())
    assert [one.report for one in kept] == [Prepared(2), Finished()]  # standings are of no use later
    one.forget()
    assert not file.exists()


def test_of_the_standings_of_a_worker_only_the_last_counts() -> None:
    bee = FakeBee(Load(WARHEAD, ASSIGNMENT.identity, {}, 0), WHOLE, 1, "")
    bee.saying += [standing(1), Started(5), standing(2)]
    bee.order(Finish())
    assert gather(bee, 0.05) == [("1", Started(5)), ("1", standing(2)), ("1", Finished())]  # type: ignore[arg-type]


def test_a_bee_that_hears_nothing_stops_its_load_and_says_why(tmp_path: Path, made: list[FakeBee]) -> None:
    sent = Sent()
    one = runner_in(tmp_path, sent)
    one.assign(ASSIGNMENT)
    one._heartbeats = Heartbeats([module.CONDUCTOR], now_ns() - CONDUCTOR_PATIENCE_NS - 1, CONDUCTOR_PATIENCE_NS)
    one._pump.join(30)
    assert made[0].orders == [Finish()]
    assert sent[-1].stopped == "heard nothing of its conductor any more"
    assert Finished() in sent.reports
    one.execute(Command((ConnectAll(rest=True),)))  # too late
    assert made[0].orders == [Finish()]
    one.close()
    assert len(list((tmp_path / "spool").iterdir())) == 1  # until it is collected


def test_files_of_clients_are_private_and_gone_with_the_run(tmp_path: Path, made: list[FakeBee]) -> None:
    from dataclasses import replace

    one = runner_in(tmp_path, Sent())
    one.assign(replace(ASSIGNMENT, files={"g.psk": b"id:00\n"}))
    path = tmp_path / "files" / "g.psk"
    assert path.read_bytes() == b"id:00\n"
    assert path.stat().st_mode & 0o777 == 0o600
    one.stop("over")
    one.close()
    assert not path.exists()


def test_a_share_that_this_host_cannot_make_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OperatorError("too many clients")

    monkeypatch.setattr(module, "routes_of", refuse)
    with pytest.raises(OperatorError, match="too many clients"):
        runner_in(tmp_path, Sent()).assign(ASSIGNMENT)
