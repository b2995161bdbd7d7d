"""The first moments of the command: a signal ends it without a traceback, before the slow imports and during them."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys
from malaria.cli import start

class Importing:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Importing())
sys.argv = ["malaria", "runs"]
start.run()
"""


@pytest.mark.parametrize("module", ["malaria.cli.main", "typer.core", "malaria.cli.swarm"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_command_is_imported(module: str, number: signal.Signals) -> None:
    program = PROGRAM.format(module=module, number=int(number))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "aborted before there was anything to report\n"


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    program = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + PROGRAM.format(
        module="malaria.cli.main", number=int(signal.SIGHUP)
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
