"""A broker behind a shell script: a stop, and the death of malaria, reach what the script has started."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from malaria.broker.process_group import ProcessGroup
from malaria.broker.running import start_process

SCRIPT = "sleep 600 & echo $! > {file}; wait"
MALARIA = """
import sys
from pathlib import Path
from malaria.broker.process_group import ProcessGroup
from malaria.broker.running import start_process
place = Path(sys.argv[1])
group = ProcessGroup(start_process("script", ["sh", "-c", sys.argv[2]], place / "log"), 1)
print("made", flush=True)
sys.stdin.read()
"""


def grandchild(file: Path) -> psutil.Process:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        if file.exists() and file.read_text().strip():
            return psutil.Process(int(file.read_text()))
        time.sleep(0.01)
    raise AssertionError("the script has started nothing")


def gone(process: psutil.Process, within_s: float = 60) -> bool:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_a_stop_reaches_what_the_command_has_started(tmp_path: Path) -> None:
    script = SCRIPT.format(file=tmp_path / "pid")
    group = ProcessGroup(start_process("script", ["sh", "-c", script], tmp_path / "log"), 5)
    child = grandchild(tmp_path / "pid")
    assert group.poll() is None
    group.terminate()
    try:
        group.wait(2)
    except subprocess.TimeoutExpired:  # nobody has collected the child's exit
        group.kill()
        group.wait()
    assert gone(child)
    assert group.poll() is not None


def test_the_death_of_malaria_reaches_it_too(tmp_path: Path) -> None:
    script = f"trap '' TERM; {SCRIPT.format(file=tmp_path / 'pid')}"  # the shell itself is hard to end
    malaria = subprocess.Popen(
        [sys.executable, "-c", MALARIA, str(tmp_path), script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert malaria.stdout is not None
    assert malaria.stdout.readline() == b"made\n"  # from now on its death is noticed
    child = grandchild(tmp_path / "pid")
    shell = child.parent()
    malaria.kill()
    malaria.wait(60)
    assert gone(child)
    assert shell is None or gone(shell)
