"""The main job on real brokers, quickly: what a change breaks for everybody is seen here, within seconds.

Nothing here depends on the pace of the machine: counts are asserted, never times. The whole set is in
`tests/conformance` and `tests/fault`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from attacking import request_for, run_attack, until
from everything import Everything
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import conduct
from malaria.attacks.steer_client import ask_attack
from malaria.attacks.steer_messages import SteerAnswer, SteerQuestion
from malaria.broker import RunningBroker
from malaria.cli.main import main
from malaria.control.change_answer import AnswerKind
from malaria.errors import RunError
from malaria.model.warhead import load_warhead
from malaria.records.rows import Counter, EventKind
from malaria.records.store import open_run

PATIENT: Final[dict[str, Any]] = {"clients": 10, "interval": "100ms", "duration": "1s", "drain": "30s"}
LOAD: Final = """
[attack]
duration = "{duration}"
own_lag_limit = "1m"
drain = "30s"
[[group]]
name = "meters"
clients = 10
rate = 10
qos = 1
topic = "smoke/{{client}}"
[[group]]
name = "backend"
role = "subscribe"
clients = 1
qos = 1
topic = "smoke/+"
[thresholds]
"rates.acked_per_s" = ">= 1% of due"
"""
CAMPAIGN: Final = """
title = "Two levels"
[broker]
kind = "embedded"
[defaults]
hold = "1s"
attack = { own_lag_limit = "1m", drain = "30s" }
[[defaults.warhead.group]]
name = "meters"
clients = 5
rate = 10
qos = 1
topic = "smoke/{client}"
[thresholds]
"rates.acked_per_s" = ">= 1% of due"
[[level]]
[[level]]
clients = 10
"""


@pytest.fixture
def warhead(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file with ten publishers and a subscriber, for as long as the test's `duration` parameter says."""
    path = tmp_path / "load.toml"
    path.write_text(LOAD.format(duration=getattr(request, "param", "1s")))
    return path


@pytest.mark.parametrize("options", [{"qos": 0}, {"qos": 1}, {"qos": 2}, {"qos": 1, "protocol": "5"}], ids=str)
def test_every_message_arrives_once(mosquitto: RunningBroker, tmp_path: Path, options: dict[str, Any]) -> None:
    messages = run_attack(mosquitto.port, tmp_path, subscribers=1, **(PATIENT | options)).summary["messages"]
    assert messages["due"] == messages["sent"] == messages["expected"] == messages["delivered"] == 100
    assert (messages["lost"], messages["duplicated"], messages["reordered"], messages["unresolved"]) == (0, 0, 0, 0)


def test_clients_with_a_key_each(mosquitto_everything: Everything, tmp_path: Path) -> None:
    way = {"psk_file": str(mosquitto_everything.psk_file)}
    outcome = run_attack(mosquitto_everything.url("psk"), tmp_path, **(PATIENT | way))
    assert outcome.summary["messages"]["acked"] == 100


def test_the_command_writes_what_it_says(mosquitto: RunningBroker, warhead: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = ["attack", f"127.0.0.1:{mosquitto.port}", "-w", str(warhead), "-o", str(run), "--quiet"]
    assert main([*arguments, "--json", str(tmp_path / "copy.json")]) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary == json.loads((tmp_path / "copy.json").read_text())
    assert summary["verdict"]["outcome"] == "PASS"
    assert summary["messages"]["delivered"] == 100
    assert {path.name for path in run.iterdir()} == {
        "run.db", "warhead.toml", "summary.json", "report.html", "report.md",
    }  # fmt: skip


def test_a_campaign_on_the_embedded_broker(tmp_path: Path) -> None:
    file, run = tmp_path / "two.toml", tmp_path / "run"
    file.write_text(CAMPAIGN)
    assert main(["campaign", str(file), "-o", str(run), "--quiet"]) == 0
    levels = json.loads((run / "summary.json").read_text())["levels"]
    assert [level["messages"]["acked"] for level in levels] == [50, 100]


@pytest.mark.parametrize("warhead", ["60s"], indirect=True)
def test_ctrl_c_ends_with_a_report(mosquitto: RunningBroker, warhead: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "malaria", "attack", f"127.0.0.1:{mosquitto.port}", "-w", str(warhead)]
    with subprocess.Popen([*command, "-o", str(run)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            until(lambda: acknowledged(run) > 20)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 4
    assert b"stopped by the operator" in output
    assert b"Traceback" not in output
    assert json.loads((run / "summary.json").read_text())["messages"]["lost"] == 0


def acknowledged(run: Path) -> int:
    """Return how many acknowledgements the run holds so far, 0 while it does not exist or is being begun."""
    try:
        return sum(sample.counters.get(Counter.ACKED, 0) for sample in open_run(run).samples)
    except RunError:
        return 0


def test_a_load_that_was_steered_is_repeated_by_its_file(mosquitto: RunningBroker, tmp_path: Path) -> None:
    """Another thread asks as `malaria steer` does: for a rate once a load is there, for the end once it has it."""
    directory = tmp_path / "run"
    taken: list[SteerAnswer] = []

    def ask(change: str) -> bool:
        answer = ask_attack(directory, SteerQuestion(change=change))
        taken.extend([answer] if answer.kind is AnswerKind.TAKEN else [])
        return answer.kind is AnswerKind.TAKEN

    def is_past(at_s: float) -> bool:
        load = ask_attack(directory, SteerQuestion()).load
        return load is not None and load.load_s is not None and load.load_s > at_s

    def steer() -> None:
        until(lambda: bool(taken) or ask("rate=20/s"))
        until(lambda: is_past((taken[0].at_s or 0) + 0.5))
        ask("end")

    hand = Thread(target=steer, daemon=True)
    hand.start()
    outcome = run_attack(mosquitto.port, tmp_path, 2, 1, rate="5", duration="1m", drain="30s")
    hand.join(60)
    warhead = load_warhead(directory / "steered.toml")
    request = request_for(mosquitto.port, tmp_path / "again", 1)
    again = conduct(replace(request, warhead=warhead), lambda _: None, Interrupt())
    for made in (outcome, again):
        acts = [event.text for event in made.run.events if event.kind is EventKind.ACT]
        # an end by hand has a mark; that of a file is the length of the load
        assert len([text for text in acts if not text.startswith("end")]) == 1
        assert made.summary.messages.due == made.summary.messages.delivered
        assert made.run.meta.measure_start_ns is not None
        assert made.run.meta.measure_end_ns is not None
        assert made.run.meta.measure_end_ns - made.run.meta.measure_start_ns == warhead.length_ns
    assert not (directory / "steer.sock").exists()
