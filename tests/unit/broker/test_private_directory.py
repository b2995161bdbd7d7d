"""Private directories: ours alone, and gone after their process, even if it was killed."""

from __future__ import annotations

import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from malaria.broker.private_directory import private_directory

KILLED = """
import os, signal, sys, tempfile
from malaria.broker.private_directory import private_directory
tempfile.tempdir = sys.argv[1]
directory = private_directory("keys")
(directory / "psk").write_text("secret")
(directory / "more").mkdir()
print(directory, flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def begun(place: Path, how: str) -> tuple[subprocess.Popen[str], Path]:
    command = [sys.executable, "-c", KILLED, str(place), how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_the_directory_is_ours_alone() -> None:
    assert stat.S_IMODE(private_directory("x").stat().st_mode) == 0o700


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays(tmp_path: Path) -> None:
    killed, left = begun(tmp_path, "killed")
    assert killed.wait(60) < 0
    assert (left / "psk").exists()
    alive, in_use = begun(tmp_path, "alive")  # it has removed what was left
    assert not left.exists()
    mine = private_directory("x")
    assert in_use.exists()
    assert alive.stdin is not None
    alive.stdin.close()
    assert alive.wait(60) == 0
    private_directory("y")
    assert mine.exists()
    assert not in_use.exists()


def test_a_directory_of_somebody_else_stays(tmp_path: Path) -> None:
    other = tmp_path / "malaria-of-another-program"
    other.mkdir()
    (other / "file").touch()
    link = tmp_path / "malaria-link"
    link.symlink_to(other)
    private_directory("x")
    assert (other / "file").exists()
    assert link.is_symlink()
