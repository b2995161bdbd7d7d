"""Changes that a warhead states, in virtual time: each takes effect at its exact time, on every worker."""

from __future__ import annotations

from pathlib import Path

from exactly import S, dues_by_client
from malaria.records.rows import EventKind, Progress, RunPhase
from simulation import Machine, Simulation
from stub_broker import Behaviour

MS = S // 1000


def test_a_rate_changes_at_its_exact_time_on_every_worker(tmp_path: Path) -> None:
    simulation = Simulation(machines=[Machine(), Machine()])
    outcome = simulation.run(
        tmp_path, 1, clients=20, rate="10", duration="3s", changes=[("2s", "rate=5/s"), ("1s", "rate=20/s")]
    )
    begin_ns = outcome.run.meta.measure_start_ns
    dues = sorted(due - begin_ns for dues in dues_by_client(simulation.broker).values() for due in dues)
    assert [sum(due // S == second for due in dues) for second in range(3)] == [200, 400, 100]
    messages = outcome.summary["messages"]
    assert messages["due"] == messages["acked"] == messages["delivered"] == 700
    marks = [(event.at_ns - begin_ns, event.text) for event in outcome.run.events if event.kind is EventKind.ACT]
    assert marks == [(S, "publishers: 20 msg/s each"), (2 * S, "publishers: 5 msg/s each")]
    assert outcome.summary["verdict"]["outcome"] == "PASS"


def test_the_rate_that_is_due_is_told_from_the_moment_of_the_change_on(tmp_path: Path) -> None:
    told: list[Progress] = []
    outcome = Simulation().run(
        tmp_path, on_progress=told.append, clients=20, rate="10", duration="3s", changes=[("1300ms", "rate=20/s")]
    )
    begin_ns = outcome.run.meta.measure_start_ns
    for frame in told:
        since_ms = (frame.at_ns - begin_ns) // MS
        loaded = frame.phase is RunPhase.MEASURE and since_ms >= 0
        assert frame.due_now_per_s == (200 if since_ms < 1300 else 400) * loaded, since_ms


def test_connections_are_cut_in_the_warm_up_too(tmp_path: Path) -> None:
    simulation = Simulation()
    outcome = simulation.run(
        tmp_path, clients=10, rate="10", duration="3s", warmup="2s", changes=[("-1s", "cut 20%"), ("1500ms", "cut 5")]
    )
    begin_ns = outcome.run.meta.measure_start_ns
    marks = [(event.at_ns - begin_ns, event.text) for event in outcome.run.events if event.kind is EventKind.ACT]
    assert marks == [(-S, "disconnect 20 %"), (1500 * MS, "disconnect 5 clients")]
    assert simulation.broker.counts.accepted == 10 + 2 + 5


def test_an_end_in_the_file_is_exact(tmp_path: Path) -> None:
    simulation = Simulation()
    outcome = simulation.run(tmp_path, clients=10, rate="10", duration="1m", changes=[("1500ms", "end")])
    meta = outcome.run.meta
    assert meta.measure_end_ns - meta.measure_start_ns == 1500 * MS
    assert meta.duration_planned_s == 1.5
    assert outcome.summary["messages"]["due"] == 150
    assert outcome.summary["verdict"]["outcome"] == "PASS"


def test_a_load_that_ends_by_itself_waits_for_its_changes(tmp_path: Path) -> None:
    """All messages are sent after 1 s; the cut comes at 5 s."""
    simulation = Simulation()
    outcome = simulation.run(tmp_path, clients=10, rate="10", messages=10, duration=None, changes=[("5s", "cut 5")])
    begin_ns = outcome.run.meta.measure_start_ns
    marks = [(event.at_ns - begin_ns, event.text) for event in outcome.run.events if event.kind is EventKind.ACT]
    assert marks == [(5 * S, "disconnect 5 clients")]


def test_changes_after_a_load_that_was_stopped_are_told(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(), story=[(1, lambda sim: setattr(sim.interrupt, "count", 1))])
    outcome = simulation.run(tmp_path, clients=10, rate="10", duration="9s", changes=[("5s", "cut 5"), ("6s", "storm")])
    texts = [event.text for event in outcome.run.events if event.kind is EventKind.OPERATOR]
    assert "2 changes of the warhead did not come: the load ended before" in texts
