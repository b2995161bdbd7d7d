"""What preparing says of itself."""

from __future__ import annotations

import subprocess

from malaria.swarm.prepare import PREPARE, Preparation, preparation_of


def test_what_the_script_says_is_sorted() -> None:
    said = "changed: a = 2 (was 1)\nkept: b = 3\nnoise\nlacking: c is 1\nchanged: /etc/x\n"
    assert preparation_of(said) == Preparation(("a = 2 (was 1)", "/etc/x"), ("b = 3",), ("c is 1",), None)


def test_the_script_is_one_for_any_shell() -> None:
    done = subprocess.run(["sh", "-n"], input=PREPARE, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
