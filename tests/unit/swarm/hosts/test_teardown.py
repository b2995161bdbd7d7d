"""The scripts that end a load and clean a host."""

from __future__ import annotations

import subprocess

import pytest

from malaria.swarm.hosts.teardown import ABORT, REMOVE


@pytest.mark.parametrize("script", [ABORT, REMOVE])
def test_the_scripts_are_for_any_shell(script: str) -> None:
    filled = script.format(directory='"$HOME"/.malaria')
    done = subprocess.run(["sh", "-n"], input=filled, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "{{" not in filled
