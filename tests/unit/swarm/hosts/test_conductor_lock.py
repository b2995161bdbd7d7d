"""Conductors of a swarm are signalled to stop, and no other process."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from malaria.swarm.hosts.conductor_lock import conducting_swarm, stop_conductors, wait_for_conductors
from malaria.swarm.hosts.state import state_directory

CONDUCT = """\
import signal, sys
from malaria.swarm.hosts.conductor_lock import conducting_swarm
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
with conducting_swarm(sys.argv[1]):
    print(flush=True)
    signal.pause()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path))


@contextmanager
def conductor(swarm: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", CONDUCT, swarm], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_all_that_conduct_it_are_told_and_no_other() -> None:
    with conductor("bees") as one, conductor("bees") as another, conductor("wasps") as stranger:
        assert stop_conductors("bees") == 2
        assert (one.wait(10), another.wait(10)) == (7, 7)
        assert stranger.poll() is None
    assert stop_conductors("bees") == 0


def test_one_that_was_killed_leaves_a_file_that_names_nobody() -> None:
    with conductor("bees") as one:
        one.kill()
        one.wait()
        assert stop_conductors("bees") == 0
    assert not list(state_directory().iterdir())


def test_a_pid_that_another_has_now_is_left_alone() -> None:
    state_directory().mkdir(parents=True)
    left = state_directory() / f"bees.conductor-{os.getpid()}"
    left.touch()  # nobody holds it
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    try:
        with left.open() as looked_at:  # by another `abort` at the same time
            fcntl.flock(looked_at, fcntl.LOCK_SH)
            assert stop_conductors("bees") == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not asked


def test_its_file_is_its_owner_s_alone_and_ends_with_it() -> None:
    with conducting_swarm("bees"):
        (file,) = state_directory().iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
    assert not file.exists()


def test_a_conductor_is_waited_for_until_it_has_reported() -> None:
    assert wait_for_conductors("bees", 0)
    with conductor("bees") as one:
        assert not wait_for_conductors("bees", 0)
        assert stop_conductors("bees") == 1
        assert wait_for_conductors("bees", 10)
        assert one.wait(10) == 7


def test_the_next_attack_removes_the_file_of_a_conductor_that_was_killed() -> None:
    with conductor("bees") as one:
        one.kill()
        one.wait()
        assert len(list(state_directory().iterdir())) == 1
        with conducting_swarm("bees"):
            assert [file.name for file in state_directory().iterdir()] == [f"bees.conductor-{os.getpid()}"]
