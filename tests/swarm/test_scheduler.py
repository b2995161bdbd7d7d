"""An attack by the workers of a Dask cluster that is there, started as examples/kubernetes/malaria.yaml does it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from malaria.broker import RunningBroker
from malaria.broker.running import free_port
from ssh_server import wait_for

DOCUMENT = Path(__file__).parents[2] / "docs/swarm.md"
MANIFEST = Path(__file__).parents[2] / "examples/kubernetes/malaria.yaml"
WARHEAD = """
[[group]]
name = "meters"
clients = 6
interval = "250ms"
messages = 8
qos = 1
size = 60
topic = "t/{client}"

[[group]]
name = "backend"
role = "subscribe"
clients = 1
topic = "t/#"

[attack]
own_lag_limit = "1m"
"""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """The environment of the manifests, with certificates as docs/swarm.md makes them in place of the secret."""
    for command in re.findall(r"^openssl .*$", DOCUMENT.read_text(), re.MULTILINE):
        subprocess.run(shlex.split(command), cwd=tmp_path, check=True, capture_output=True, timeout=60)
    (data,) = (part["data"] for part in yaml.safe_load_all(MANIFEST.read_text()) if part["kind"] == "ConfigMap")
    return {name: value.replace("/tls/", f"{tmp_path}/") for name, value in data.items()}


def command_of(kind: str, changes: dict[str, str]) -> list[str]:
    """The command of a manifest, with what is another here."""
    (part,) = (part for part in yaml.safe_load_all(MANIFEST.read_text()) if part["kind"] == kind)
    words = part["spec"]["template"]["spec"]["containers"][0]["command"]
    return [sys.executable, "-m", *(changes.get(word, word) for word in words)]


@contextmanager
def running(command: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=sink, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def wait_until(said: str, logs: Sequence[Path]) -> None:
    end = time.monotonic() + 60
    while not all(said in log.read_text(errors="replace") for log in logs):
        assert time.monotonic() < end, [log.read_text(errors="replace")[-500:] for log in logs]
        time.sleep(0.05)


def test_workers_that_are_there_carry_an_attack(
    mosquitto: RunningBroker, settings: dict[str, str], tmp_path: Path
) -> None:
    port, environment = free_port(), os.environ | settings
    address = f"tls://127.0.0.1:{port}"
    (tmp_path / "w.toml").write_text(WARHEAD)
    with ExitStack() as stack:
        scheduler = command_of("Deployment", {"8786": str(port)})
        process = stack.enter_context(running(scheduler, environment, tmp_path / "scheduler.log"))
        wait_for("127.0.0.1", port, process, tmp_path / "scheduler.log", 60)
        for bee in ("bee-0", "bee-1"):
            changes = {"tls://malaria-scheduler:8786": address, "$(BEE)": bee, "/work": str(tmp_path / bee)}
            worker = command_of("StatefulSet", changes)
            stack.enter_context(running(worker, environment, tmp_path / f"{bee}.log"))
        wait_until("Registered to", [tmp_path / "bee-0.log", tmp_path / "bee-1.log"])
        attack = [
            sys.executable,
            "-m",
            "malaria",
            "attack",
            f"127.0.0.1:{mosquitto.port}",
            "-w",
            str(tmp_path / "w.toml"),
        ]
        attack += ["--scheduler", address, "--workers", "1", "--quiet", "-o", str(tmp_path / "run")]
        done = subprocess.run(attack, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["messages"]["due"], summary["messages"]["delivered"]) == (48, 48)
    assert (summary["generator"]["bees"], summary["generator"]["workers"]) == (2, 2)
