"""Workers and bees that are lost, in virtual time: what is left goes on, and the broker is blamed for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from exactly import MS, S
from malaria.analysis.headline import headline
from malaria.analysis.losses import losses_of
from malaria.analysis.outcome import Outcome
from malaria.analysis.seconds import seconds_of
from malaria.analysis.series import columns
from malaria.attacks.runner import AttackOutcome
from malaria.records.rows import Metric
from malaria.report.target_text import messages_per_s
from simulation import Machine, Simulation, kill, unplug
from stub_broker import Behaviour

TWO_BEES: Final = (Machine(bee="bee-1"), Machine(bee="bee-2"))
FOR_EVER_S: Final = 1000.0


def measured(outcome: AttackOutcome, column: str) -> list[object]:
    """Return a column over the measured time."""
    table, meta = columns(outcome.run), outcome.run.meta
    assert meta.measure_start_ns is not None
    assert meta.measure_end_ns is not None
    window = range(meta.measure_start_ns // S + 1, meta.measure_end_ns // S + 1)
    return [value for t_s, value in zip(table["t_s"], table[column], strict=True) if t_s in window]


def test_a_worker_that_dies_leaves_its_seconds_and_those_of_the_others_shown(tmp_path: Path) -> None:
    """Both carry 100 messages a second; the first dies after 2.5 s of 5."""
    simulation = Simulation(machines=[Machine()] * 2, story=[(2.5, kill("1"))])
    outcome = simulation.run(tmp_path, clients=20, rate="10", duration="5s")
    assert measured(outcome, "due_per_s") == [200, 200, 100, 100, 100]
    assert measured(outcome, "clients") == [20, 20, 10, 10, 10]
    assert [second.due for second in seconds_of(outcome.run)] == [100] * 5
    (loss,) = losses_of(outcome.run)
    assert (loss.who, loss.share, loss.clients) == ("worker 1", "1/2", 10)
    assert loss.since_ns - (outcome.run.meta.measure_start_ns or 0) == 2 * S


def test_one_worker_alone_that_dies_leaves_its_seconds_shown(tmp_path: Path) -> None:
    outcome = Simulation(story=[(2.5, kill("1"))]).run(tmp_path, clients=10, rate="10", duration="60s")
    assert columns(outcome.run)["due_per_s"][-2:] == [100, 100]
    assert len(seconds_of(outcome.run)) == 2
    assert outcome.summary.verdict.outcome is Outcome.UNKNOWN


def test_what_a_bee_without_its_cable_owed_is_not_the_brokers(tmp_path: Path) -> None:
    """Each bee carries 100 messages a second. The second one has no cable from 4 s to 14 s of 20 s."""
    simulation = Simulation(machines=TWO_BEES, story=[(4.01, unplug("bee-2", 10))])
    outcome = simulation.run(tmp_path, clients=20, rate="10", duration="20s")
    summary = outcome.summary
    assert [reason.text for reason in summary.verdict.reasons] == [
        "bee-2 went silent: its share, 1/2 of the load, is missing"
    ]
    assert (summary.latency_ms["ack"].count, summary.latency_ms["ack"].max) == (2400, 0.001)
    assert (summary.messages.unacked, summary.messages.unresolved) == (0, 0)
    assert outcome.run.after_loss
    assert measured(outcome, "due_per_s")[4:] == [100] * 15 + [99]
    assert {second.owed for second in seconds_of(outcome.run)} <= {0, 1}


def test_what_arrives_late_from_a_bee_without_its_cable_is_no_latency_of_the_broker(tmp_path: Path) -> None:
    """A subscriber with the first bee gets, after 10 s, what the second one had sent before its cable was cut."""
    simulation = Simulation(machines=TWO_BEES, story=[(4.01, unplug("bee-2", 10))])
    outcome = simulation.run(tmp_path, 1, clients=20, rate="10", duration="20s")
    assert outcome.run.histogram(Metric.END_TO_END).max_ns > 9 * S
    assert outcome.summary.latency_ms["end_to_end"].as_json()["max"] == 0.001
    assert [reason.text for reason in outcome.summary.verdict.reasons] == [
        "bee-2 went silent: its share, 1/2 of the load, is missing"
    ]
    assert outcome.run.ledger is not None
    assert outcome.run.ledger.notes[-1].startswith("End to end latencies are those up to the loss")


def test_the_figures_are_those_of_a_bee_that_never_came_back(tmp_path: Path) -> None:
    """What comes home later changes no figure, so the account agrees with the rates before and after it."""
    outcomes = [
        Simulation(machines=TWO_BEES, story=[(4.01, unplug("bee-2", seconds))]).run(
            tmp_path / str(seconds), clients=20, rate="10", duration="20s"
        )
        for seconds in (10, FOR_EVER_S)
    ]
    back, gone = (outcome.summary for outcome in outcomes)
    assert [bool(outcome.run.after_loss) for outcome in outcomes] == [True, False]
    assert back.messages.as_json() == gone.messages.as_json()
    assert back.rates.as_json() == gone.rates.as_json()
    assert back.latency_ms["ack"].as_json() == gone.latency_ms["ack"].as_json()
    assert back.messages.due == round((back.rates.due_per_s or 0) * 20)


def test_a_load_without_the_share_of_a_bee_is_not_on_target(tmp_path: Path) -> None:
    simulation = Simulation(machines=TWO_BEES, story=[(4.5, kill("bee-2/1"))])
    outcome = simulation.run(tmp_path, clients=20, rate="10", duration="20s")
    missing = "bee-2 (1/2 of the load) is missing from 0:04 on"
    assert messages_per_s(outcome.run, outcome.summary) == f"120.0 of 200.0 asked for: {missing}"
    assert "on target" not in headline(outcome.summary).what


def test_a_floor_that_the_load_misses_without_a_bee_is_not_decided(tmp_path: Path) -> None:
    simulation = Simulation(machines=TWO_BEES, story=[(4.5, kill("bee-2/1"))])
    thresholds = {"rates.acked_per_s": ">= 150/s", "clients.connected": ">= 20"}
    outcome = simulation.run(tmp_path, clients=20, rate="10", duration="20s", thresholds=thresholds)
    assert [(reason.outcome, reason.text) for reason in outcome.summary.verdict.reasons[1:]] == [
        (Outcome.UNKNOWN, f"{rule}: bee-2 (1/2 of the load) is missing from 0:04 on")
        for rule in ("clients connected ≥ 20", "acked per second ≥ 150/s")
    ]


def test_a_broker_that_falls_behind_is_blamed_for_the_bees_that_are_left(tmp_path: Path) -> None:
    """Of the 100 messages a second that are left the broker answers each after 8 s."""
    behaviour = Behaviour(ack_delay_ns=8 * S)
    outcome = Simulation(behaviour, TWO_BEES, story=[(4.5, kill("bee-2/1"))]).run(
        tmp_path, clients=20, rate="10", duration="20s", inflight=1000, thresholds={}
    )
    reasons = [reason.text for reason in outcome.summary.verdict.reasons]
    assert reasons[1].startswith("the broker fell behind at 0:0")
    assert "acked 60 of 100 msg/s" in reasons[1]
    assert outcome.run.histogram(Metric.ACK).min_ns >= 7999 * MS
