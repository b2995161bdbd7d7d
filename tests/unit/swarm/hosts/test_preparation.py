"""The script that prepares a host: its report, and the user it runs as."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from malaria.swarm.hosts.preparation import AS_ROOT, NO_ROOT, PREPARE, Preparation, preparation_of

AS_AS_ROOT = AS_ROOT.format(etc="/etc", packages="no-packages")
WITHOUT_PASSWORD = '[ "$2" = true ] && { cat >/dev/null; exit 0; }\necho "as root: $*"\nhead -n 1'


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    """A place for commands of a user who is not root."""
    _command(tmp_path / "id", "echo 1000")
    _command(tmp_path / "sudo", "exit 1")
    return tmp_path


def _command(file: Path, body: str) -> None:
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


def run_as(commands: Path) -> str:
    environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}"}
    command = ["sh", "-c", AS_AS_ROOT]
    return subprocess.run(command, input=PREPARE, text=True, capture_output=True, env=environment, check=True).stdout


def test_what_the_script_says_is_sorted() -> None:
    said = "changed: a = 2 (was 1)\nkept: b = 3\nnoise\nlacking: c is 1\nchanged: /etc/x\n"
    assert preparation_of(said) == Preparation(("a = 2 (was 1)", "/etc/x"), ("b = 3",), ("c is 1",), None)


def test_the_script_is_one_for_any_shell() -> None:
    done = subprocess.run(["sh", "-n"], input=PREPARE, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "@" not in PREPARE.replace("$@", "")


def test_who_is_not_root_and_would_be_asked_a_password_changes_nothing(nobody: Path) -> None:
    assert run_as(nobody).splitlines() == [NO_ROOT]


def test_who_may_become_root_runs_the_whole_script_so(nobody: Path) -> None:
    _command(nobody / "sudo", WITHOUT_PASSWORD)
    assert run_as(nobody).splitlines() == ["as root: -n sh -s -- /etc no-packages", "#!/bin/sh"]
