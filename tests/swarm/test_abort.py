"""`malaria swarm abort` while the bees make load: all of it stops, and whoever conducted it still reports."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attacking import until
from malaria.records.rows import EventKind
from malaria.records.store import open_run
from malaria.swarm.hosts.inventory import Swarm
from malaria.swarm.hosts.state import save_swarm
from namespaces import Network
from swarm_attacks import is_alive, listening, pid_of

QUIET_S = 2.0
"""Clients publish eight times as often: who is silent so long has stopped."""


def last_word(heard: list[bytes]) -> float:
    """Return when the last message came, once none comes any more."""
    count, changed_s, limit_s = len(heard), time.monotonic(), time.monotonic() + 60
    while time.monotonic() < changed_s + QUIET_S:
        assert time.monotonic() < limit_s, "the load goes on"
        time.sleep(0.01)
        if len(heard) > count:
            count, changed_s = len(heard), time.monotonic()
    return changed_s


def test_all_load_stops(
    settled: Swarm, broker_url: str, hosts: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path / "home"))
    save_swarm(settled)
    broker, directory = hosts.hosts[-1], tmp_path / "run"
    malaria = [sys.executable, "-m", "malaria"]
    with listening(broker.address, "#") as heard:
        load = f"attack {broker_url} -c 400 -I 250ms -d 100s --swarm test --workers 1 --observe none -o {directory}"
        with subprocess.Popen([*malaria, *load.split()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as conductor:
            while len(heard) < 2000:
                time.sleep(0.1)
                assert conductor.poll() is None
            pids = [pid_of(bee) for bee in settled.hosts]
            began_s = time.monotonic()
            aborting = subprocess.Popen([*malaria, "swarm", "abort", "--swarm", "test"], stdout=subprocess.PIPE)
            stopped_s = last_word(heard)
            shown, _ = aborting.communicate(timeout=30)
            assert aborting.returncode == 0
            assert b"is stopping, and reports" in shown
            printed, _ = conductor.communicate(timeout=60)
            until(lambda: not any(map(is_alive, pids)), 10)
            assert conductor.returncode == 4, printed
    print(f"the last message came {stopped_s - began_s:.2f} s after the command began")
    records = open_run(directory)
    print("start", records.meta.start)
    assert records.meta.aborted
    assert not records.meta.lost_workers
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["verdict"]["reasons"][0].startswith("the attack ended early: interrupted by the operator")
    assert summary["messages"]["delivered"] > 0
    assert summary["messages"]["expected"] == summary["messages"]["delivered"]
    assert any(event.kind is EventKind.OPERATOR for event in records.events)
