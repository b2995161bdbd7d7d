"""Bees that are lost, and bees that lose their conductor: the load stops, the others go on, records come home once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from attacking import until
from malaria.errors import RunError
from malaria.records.rows import Counter, EventKind, Progress, RunPhase
from malaria.records.run import Run
from malaria.records.store import open_run
from malaria.swarm.hosts.inventory import Swarm
from malaria.swarm.hosts.state import save_swarm
from malaria.swarm.run.collecting import collect
from malaria.swarm.run.ssh_launcher import SshLauncher
from namespaces import Network
from swarm_attacks import attack, is_alive, pid_of

S: Final = 1_000_000_000


def check_once(records: Run) -> None:
    """No period of a worker is there twice."""
    periods = [(sample.worker, sample.start_ns, sample.end_ns) for sample in (*records.samples, *records.after_loss)]
    assert len(periods) == len(set(periods))


def last_of(records: Run, worker: str, phase: RunPhase) -> int:
    """Return when the last period of a worker in that phase ended, also one from after its loss."""
    samples = (*records.samples, *records.after_loss)
    return max((s.end_ns for s in samples if (s.worker, s.phase) == (worker, phase)), default=0)


def test_one_bee_killed_one_cut_off_and_the_third_goes_on(
    settled: Swarm, broker_url: str, hosts: Network, tmp_path: Path
) -> None:
    three = settled.hosts[:3]
    happened_ns: dict[str, int] = {}

    def disturb(progress: Progress) -> None:
        since_ns = progress.phase_done if progress.phase is RunPhase.MEASURE else 0
        if since_ns >= S and "killed" not in happened_ns:
            happened_ns["killed"] = progress.at_ns
            os.kill(pid_of(three[0]), signal.SIGKILL)
        if since_ns >= 2 * S and "cut" not in happened_ns:
            happened_ns["cut"] = progress.at_ns
            hosts.hosts[1].cut()
        if since_ns >= 10 * S and "joined" not in happened_ns:
            happened_ns["joined"] = progress.at_ns
            hosts.hosts[1].join()

    outcome = attack(broker_url, tmp_path / "run", Swarm(name="test", bee=three), disturb, duration="13s", drain="2s")
    records, verdict = outcome.run, outcome.summary["verdict"]
    assert verdict["outcome"] == "UNKNOWN"
    assert [(one.worker, one.share) for one in records.meta.lost_workers] == [  # type: ignore[attr-defined]
        ("bee-1", "1/3"),
        ("bee-2", "1/3"),
    ]
    assert verdict["reasons"][0].startswith("bee-1 ")
    assert verdict["reasons"][1].startswith("bee-2 went silent")
    assert all(reason.endswith("its share, 1/3 of the load, is missing") for reason in verdict["reasons"][:2])
    marks = {event.text.partition(" ")[0]: event.at_ns for event in records.events if event.kind is EventKind.LOST}
    assert happened_ns["killed"] <= marks["bee-1"] < happened_ns["killed"] + 10 * S
    assert happened_ns["cut"] <= marks["bee-2"] < happened_ns["cut"] + 10 * S
    check_once(records)
    assert last_of(records, "bee-3/1", RunPhase.MEASURE) >= 12 * S  # the third went on to the end
    # neither of the two is blamed on the broker
    assert not [text for text in verdict["reasons"] if "broker" in text or "acknowledged" in text or "clients" in text]
    assert [bee.lost is None for bee in records.meta.bees] == [False, False, True]  # type: ignore[attr-defined]
    assert (
        happened_ns["joined"] > last_of(records, "bee-2/1", RunPhase.FINISH) > happened_ns["cut"]
    )  # the second did not


def test_the_conductor_is_killed_and_the_records_of_the_bees_are_collected_later(
    settled: Swarm, broker_url: str, tmp_path: Path
) -> None:
    two = Swarm(name="test", bee=settled.hosts[:2])
    directory = tmp_path / "run"
    environment = os.environ | {"MALARIA_HOME": str(tmp_path / "home")}
    os.environ["MALARIA_HOME"] = environment["MALARIA_HOME"]
    try:
        save_swarm(two)
    finally:
        del os.environ["MALARIA_HOME"]
    words = f"attack {broker_url} -c 8 -I 250ms -d 60s --swarm test --workers 1 --observe none -o {directory}".split()
    with subprocess.Popen([sys.executable, "-m", "malaria", *words], env=environment) as conductor:
        until(lambda: _measured(directory), 90)
        pids = [pid_of(bee) for bee in two.hosts]
        conductor.kill()
    until(lambda: not any(map(is_alive, pids)))
    before = open_run(directory)
    assert before.meta.end_ns is None
    collection = collect(directory, SshLauncher(two))
    assert set(collection.seconds) == {"bee-1", "bee-2"}
    records = open_run(directory)
    check_once(records)
    for worker in ("bee-1/1", "bee-2/1"):
        assert last_of(before, worker, RunPhase.FINISH) == 0
        assert 0 < last_of(records, worker, RunPhase.FINISH) < last_of(before, worker, RunPhase.MEASURE) + 15 * S
        assert len([s for s in records.samples if s.worker == worker]) > len(
            [s for s in before.samples if s.worker == worker]
        )
    assert collect(directory, SshLauncher(two)).seconds == {}
    assert len(open_run(directory).samples) == len(records.samples)


def _measured(directory: Path) -> bool:
    try:
        return {s.worker for s in open_run(directory).samples if s.counters.get(Counter.SENT)} == {"bee-1/1", "bee-2/1"}
    except RunError:
        return False
