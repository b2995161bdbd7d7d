"""The scripts that end a load and clean a host."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from malaria.swarm.hosts.teardown import ABORT, REMOVE


@pytest.mark.parametrize("script", [ABORT, REMOVE])
def test_the_scripts_are_for_any_shell(script: str) -> None:
    filled = script.format(directory='"$HOME"/.malaria')
    done = subprocess.run(["sh", "-n"], input=filled, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "{{" not in filled


def remove(directory: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["sh", "-c", REMOVE.format(directory=directory)], capture_output=True, text=True, check=False, timeout=20
    )
    return done.returncode, done.stderr.strip()


def bee_in(directory: Path) -> Path:
    (directory / "venv" / "bin").mkdir(parents=True)
    (directory / ".malaria-bee").touch()
    (directory / ".hidden").touch()
    return directory


def test_the_directory_of_a_bee_is_removed_and_no_other(tmp_path: Path) -> None:
    assert remove(bee_in(tmp_path / "bee")) == (0, "")
    assert not (tmp_path / "bee").exists()
    assert remove(tmp_path / "bee") == (0, "")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").touch()
    assert remove(tmp_path / "thesis") == (1, f"{tmp_path}/thesis is not malaria's directory: it stays")
    assert (tmp_path / "thesis" / "thesis.tex").exists()


def test_one_whose_parent_is_anothers_is_left_empty_and_is_no_failure_the_second_time(tmp_path: Path) -> None:
    """As /srv/malaria: made by root, given to the bee's user, whose /srv is not."""
    bee = bee_in(tmp_path / "srv" / "malaria")
    # rmdir as it is for a user who may not write to the parent
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "rmdir").write_text("#!/bin/sh\necho 'Permission denied' >&2\nexit 1\n")
    (tmp_path / "bin" / "rmdir").chmod(0o755)
    search = f"PATH={tmp_path}/bin:{os.environ['PATH']}; "
    for _ in range(2):
        done = subprocess.run(["sh", "-c", search + REMOVE.format(directory=bee)], capture_output=True, text=True,
                              check=False, timeout=20)  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert list(bee.iterdir()) == []
