"""Signals at swept times over every phase of an attack: it ends soon, without a traceback, and what it stored is whole.

Each case waits for the line that shows its phase, then a random time, and sends a random signal, sometimes twice. The
imports before the first phase are swept in `tests/unit/cli/test_start.py`.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from malaria.broker import RunningBroker
from malaria.records.store import open_run
from stub_broker import Behaviour
from stub_server import StubServer

pytestmark = pytest.mark.slow

MALARIA: Final = str(Path(sys.executable).with_name("malaria"))
LOAD: Final = ("-c", "5", "-I", "100ms", "--workers", "1", "--observe", "none", "--no-subscriber")
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LATEST_S: Final = 0.3
"""The longest time between the line of a phase and the signal."""
END_S: Final = 15.0
"""The end after the signal, on a machine that does other things too. What is promised is 2 s."""
ABORTED: Final = 4
NO_VERDICT: Final = "aborted before there was anything to report"
INTERRUPTED: Final = "interrupted by the operator"


@dataclass(frozen=True)
class Phase:
    """How an attack gets into a phase, and the text on the screen that shows it."""

    shown: str
    options: tuple[str, ...] = ()
    acknowledges: bool = True


PHASES: Final = {
    "workers": Phase("malaria attack mqtt", ("-d", "60s")),
    "prepare": Phase("prepare 0/", ("-d", "60s")),
    "connect": Phase("  connect ", ("-d", "60s", "-R", "0.5")),
    "measure": Phase("measure 0:00", ("-d", "60s", "--drain", "60s"), acknowledges=False),
    "drain": Phase("drain 0:0", ("-d", "1s", "--drain", "60s"), acknowledges=False),
    "page": Phase("latency  ", ("-d", "1s")),
}


def begin(target: str, place: Path, options: tuple[str, ...]) -> subprocess.Popen[str]:
    command = [MALARIA, "attack", target, *LOAD, *options, "-o", str(place / "run")]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, cwd=place
    )


def until(process: subprocess.Popen[str], words: str) -> str:
    """Return what was printed up to the line that holds the words."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if words in line:
            return printed
    pytest.fail(f"in vain: {words}\n{printed}")


def send(process: subprocess.Popen[str], chance: random.Random) -> str:
    """Send a signal to all of the session, once or twice; return what was done, for the report of a failure."""
    number, times, after_s = chance.choice(SIGNALS), chance.choice((1, 1, 2)), chance.uniform(0, LATEST_S)
    time.sleep(after_s)
    for _ in range(times):
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(process.pid, number)
        time.sleep(chance.uniform(0, 0.1))
    return f"{number.name} x {times} after {after_s * 1000:.0f} ms"


def ended(process: subprocess.Popen[str]) -> str:
    """Return the rest of what the command prints until its end, which must be near."""
    try:
        return process.communicate(timeout=END_S)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"it did not end within {END_S:g} s:\n{process.communicate()[0]}")


@contextmanager
def broker_of(phase: Phase, mosquitto: RunningBroker) -> Iterator[int]:
    if phase.acknowledges:
        yield mosquitto.port
        return
    with StubServer(Behaviour(unacked_every=1)) as stub:
        yield stub.port


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", PHASES)
def test_a_signal_in_a_phase(name: str, seed: int, mosquitto: RunningBroker, tmp_path: Path) -> None:
    phase = PHASES[name]
    with broker_of(phase, mosquitto) as port:
        process = begin(f"mqtt://127.0.0.1:{port}", tmp_path, phase.options)
        printed = until(process, phase.shown)
        done = send(process, random.Random(f"{name} {seed}"))
        printed += ended(process)
    story = f"{done}, exit code {process.returncode}:\n{printed}"
    assert "Traceback" not in printed, story
    assert "Exception ignored" not in printed, story
    if name == "page":
        assert process.returncode in (0, 1, 3, ABORTED), story
        assert (tmp_path / "run" / "report.html").exists() or "malaria report" in printed, story
    else:
        assert process.returncode == ABORTED, story
    if NO_VERDICT in printed:
        assert not (tmp_path / "run").exists(), story
    else:
        run = open_run(tmp_path / "run")
        assert run.meta.end_ns is not None, story
        assert run.ledger is not None, story
        if name != "page":
            assert run.meta.aborted == INTERRUPTED, story
            assert "UNKNOWN   stopped by the operator" in printed or "stopped; the run" in printed, story


@pytest.mark.parametrize("seed", range(2))
def test_a_signal_while_the_target_is_checked(seed: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"mqtt://127.0.0.1:{silent.getsockname()[1]}"
        process = begin(target, tmp_path, ("-d", "60s", "--connect-timeout", "60s"))
        silent.settimeout(60)
        connection, _ = silent.accept()
        done = send(process, random.Random(seed))
        printed = ended(process)
        connection.close()
    assert process.returncode == ABORTED, f"{done}: {printed}"
    assert printed.splitlines()[-1] == NO_VERDICT, f"{done}: {printed}"
    assert "Traceback" not in printed
    assert not (tmp_path / "run").exists()
