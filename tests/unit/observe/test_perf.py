"""perf, through a program of that name that says what a test wants it to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from malaria.observe import perf
from malaria.observe.observer import LostError, Readings
from malaria.observe.perf import PerfObserver, RecordingTime

SCRIPT = "mosquitto  7\n\tffff send (/usr/lib/libc.so.6)\n\tffff loop (/usr/sbin/mosquitto)\n\n"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shell script in place of perf."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    path = tmp_path / "perf"
    says(path, f"printf '{SCRIPT}'")
    return path


def says(program: Path, command: str) -> None:
    program.write_text(f"#!/bin/sh\n{command}\n")
    program.chmod(0o755)


def observer(directory: Path, begins_ns: int | None = 0, pid: int | None = 7) -> PerfObserver:
    return PerfObserver(lambda: pid, RecordingTime(lambda: begins_ns, 2.0), directory)


def step(watching: PerfObserver) -> Readings:
    """The next sample, once what runs beside us has ended."""
    if watching._process is not None:
        watching._process.wait(10)
    return watching.sample(1)


def test_it_records_counts_and_keeps_what_it_has_counted(program: Path, tmp_path: Path) -> None:
    watching = observer(tmp_path)
    watching.start()
    assert step(watching) == {"recording": 1, "pid": 7, "seconds": 2.0}
    assert step(watching) == {"recording": 0}
    assert step(watching) == {"samples": 1}
    assert step(watching) == {}
    kept = json.loads((tmp_path / "perf.json").read_text())
    assert (kept["samples"], kept["seconds"], kept["event"]) == (1, 2.0, perf.event_name())
    assert kept["stacks"] == {"mosquitto;loop;send": 1}
    assert watching._work is not None
    watching.stop()
    assert not watching._work.exists()


def test_it_waits_for_its_moment(program: Path, tmp_path: Path) -> None:
    assert observer(tmp_path, begins_ns=None).sample(9) == {}
    assert observer(tmp_path, begins_ns=10).sample(9) == {}


def test_without_a_process_it_says_how_to_name_one_and_goes_on(program: Path, tmp_path: Path) -> None:
    found: list[int] = []
    watching = PerfObserver(lambda: found[0] if found else None, RecordingTime(lambda: 0, 2.0), tmp_path)
    with pytest.raises(LostError, match="--observe process=NAME"):
        watching.sample(1)
    found.append(7)
    assert watching.sample(1)["recording"] == 1
    watching.stop()


def test_where_there_is_no_perf_it_says_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LostError, match="perf is not installed; on Debian: apt install linux-perf"):
        observer(tmp_path).start()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("echo 'Access to performance monitoring is limited' >&2; exit 1", r"not permitted here .*perf_event_paranoid"),
        ("echo; echo 'no such thing' >&2; exit 1", "perf failed: no such thing"),
        ("exit 1", "perf failed without a message"),
    ],
)
def test_a_refusal_is_said_once_and_not_tried_again(program: Path, tmp_path: Path, command: str, reason: str) -> None:
    says(program, command)
    watching = observer(tmp_path)
    step(watching)
    with pytest.raises(LostError, match=reason):
        step(watching)
    assert step(watching) == {}
    watching.stop()


def test_a_process_that_did_nothing(program: Path, tmp_path: Path) -> None:
    says(program, "true")
    watching = observer(tmp_path)
    step(watching)
    step(watching)
    with pytest.raises(LostError, match="perf took no sample"):
        step(watching)
    watching.stop()


@pytest.mark.parametrize("samples", [1, 2])
def test_a_recording_that_was_over_when_the_run_ended_is_still_counted(
    program: Path, tmp_path: Path, samples: int
) -> None:
    watching = observer(tmp_path)
    for _ in range(samples):
        step(watching)
    assert watching._process is not None
    watching._process.wait(10)
    watching.stop()
    watching.stop()
    assert json.loads((tmp_path / "perf.json").read_text())["samples"] == 1


def test_a_recording_that_is_under_way_when_the_run_ends_is_lost(program: Path, tmp_path: Path) -> None:
    says(program, "exec sleep 30")
    watching = observer(tmp_path)
    step(watching)
    watching.stop()
    assert watching._process is not None
    assert watching._process.poll() is not None
    assert not (tmp_path / "perf.json").exists()
