"""What a run stores about itself beside its samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.attacks.due_rate import DueRate
from malaria.attacks.preflight import AttackRequest, TargetInfo
from malaria.attacks.run_facts import lost_workers, planned_facts, run_state
from malaria.control.conductor import AttackTiming, Conductor
from malaria.control.messages import Prepared, SecondReport, Started, WorkerLost
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.records.rows import RunPhase, Sample
from malaria.records.run_meta import BrokerFacts, LostWorker, RunMeta, StartFacts, WorkerFacts

WARHEAD = Warhead.model_validate(
    {"group": [{"name": "meters", "clients": 10, "interval": "2s", "qos": 0}], "attack": {"duration": "60s"}}
)


@pytest.mark.parametrize(
    ("reasons", "losses"),
    [
        ({"1": "", "2": ""}, {}),
        ({"1": "exit code 1", "2": ""}, {"1": "exit code 1"}),
        ({"a/1": "silent", "a/2": "silent", "b/1": ""}, {"a": "silent"}),
        ({"a/1": "silent", "a/2": "killed"}, {"a/1": "silent", "a/2": "killed"}),
        ({"a/1": "silent", "a/2": ""}, {"a/1": "silent"}),
    ],
)
def test_a_bee_that_lost_all_workers_for_one_reason_is_one_loss(
    reasons: dict[str, str], losses: dict[str, str]
) -> None:
    assert lost_workers(reasons) == losses


def test_the_facts_before_the_first_client(tmp_path: Path) -> None:
    request = AttackRequest(parse_target("broker"), WARHEAD, tmp_path, 1, "malaria attack broker", "meters")
    facts = planned_facts(request, TargetInfo("mosquitto 2", ("a note",)))
    assert facts.target == "mqtt://broker:1883"
    assert (facts.publishing, facts.acknowledged, facts.subscribing) == (True, False, False)
    assert (facts.rate_planned_per_s, facts.duration_planned_s, facts.clients_planned) == (5.0, 60.0, 10)
    assert (facts.broker, facts.notes) == (BrokerFacts(version="mosquitto 2"), ("a note",))
    assert planned_facts(request, TargetInfo(None, ())).broker == BrokerFacts()


def second(worker: str, number: int) -> SecondReport:
    return SecondReport(Sample(worker, (number - 1) * 10**9, number * 10**9, RunPhase.MEASURE), (), {})


def test_the_state_names_what_is_known_and_leaves_out_the_rest() -> None:
    conductor = Conductor(("a/1", "b/1"), AttackTiming(0, 10**9, 10**9, 10**9, counted=False))
    rate = DueRate(WARHEAD, 2)
    before = run_state(conductor, rate, {}, str)
    facts: dict[str, Any] = {"clients": None, "started_ns": None, "connect_failures": {}}
    idle = tuple(WorkerFacts(worker=name, **facts) for name in ("a/1", "b/1"))
    assert before == RunMeta(connect_failures={}, remedies={}, lost_workers=(), worker_facts=idle)
    for worker, at_ns in (("a/1", 5), ("b/1", 7)):
        conductor.process(worker, Started(at_ns), at_ns)
    conductor.process("b/1", Prepared(4), 8)
    conductor.process("b/1", second("b/1", 1), 8)
    conductor.process("b/1", WorkerLost("silent", "b"), 9)
    conductor.process("b/1", second("b/1", 2), 9)  # fetched from its disk
    failures = {"a/1": {"refused": 2}, "b/1": {"refused": 1, "timeout": 4}}
    state = run_state(conductor, rate, failures, lambda name: f"share of {name}")
    assert state.connect_failures == {"refused": 3, "timeout": 4}
    assert [one.connect_failures for one in state.worker_facts] == list(failures.values())
    assert state.lost_workers == (
        LostWorker(worker="b", share="share of b", reason="silent", since_ns=10**9, clients=4),
    )
    assert state.start == StartFacts(first_ns=5, last_ns=7, spread_ns=2)


def test_a_worker_that_was_lost_before_it_was_ready_has_an_unknown_number_of_clients() -> None:
    conductor = Conductor(("1", "2"), AttackTiming(0, 10**9, 10**9, 10**9, counted=False))
    conductor.process("1", WorkerLost("was killed by SIGKILL"), 1)
    conductor.process("2", Prepared(4), 1)
    state = run_state(conductor, DueRate(WARHEAD, 2), {}, lambda _: "1/2")
    assert [(one.since_ns, one.clients) for one in state.lost_workers] == [(0, None)]
    assert [one.clients for one in state.worker_facts] == [None, 4]
