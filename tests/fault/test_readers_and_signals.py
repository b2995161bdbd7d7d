"""A reader that leaves, signals and odd outputs while a command runs: no traceback, whole records, exit code 4."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from malaria.broker import RunningBroker
from malaria.records.store import open_run

MALARIA: Final = str(Path(sys.executable).with_name("malaria"))
LOAD: Final = ("-c", "5", "-I", "100ms", "--workers", "2", "--drain", "2s")
UNKNOWN: Final = 4
PATIENCE_S: Final = 60
pytestmark = pytest.mark.slow


def begin(broker: RunningBroker, place: Path, duration: str, **streams: int) -> subprocess.Popen[str]:
    command = [MALARIA, "attack", f"mqtt://127.0.0.1:{broker.port}", *LOAD, "-d", duration, "-o", str(place / "run")]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.Popen(command, text=True, start_new_session=True, cwd=place, **streams)  # type: ignore[call-overload,no-any-return]


def until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    pytest.fail(f"in vain: {words}")


def assert_whole(place: Path) -> None:
    run = open_run(place / "run")
    assert run.meta.end_ns
    assert run.meta.aborted == "interrupted by the operator"
    assert run.ledger is not None
    assert {"summary.json", "report.html", "report.md"} <= {path.name for path in (place / "run").iterdir()}


@pytest.mark.parametrize("phase", ["malaria attack", "measure", "ack p50"])
def test_a_reader_that_leaves(mosquitto: RunningBroker, tmp_path: Path, phase: str) -> None:
    process = begin(mosquitto, tmp_path, "60s")
    until(process, phase)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(PATIENCE_S) == UNKNOWN
    assert process.stderr.read() == ""
    assert_whole(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_of_its_session(mosquitto: RunningBroker, tmp_path: Path, number: signal.Signals) -> None:
    process = begin(mosquitto, tmp_path, "60s")
    until(process, "ack p50")
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (UNKNOWN, "")
    assert_whole(tmp_path)


def test_a_terminal_without_unicode(mosquitto: RunningBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    process = begin(mosquitto, tmp_path, "1s")
    screen, errors = process.communicate(timeout=PATIENCE_S)
    assert errors == ""
    assert "report.html" in screen
    assert screen.isascii()
