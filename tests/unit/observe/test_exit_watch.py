"""How a process ended that somebody else has waited for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from malaria.observe.exit_watch import ExitWatch

linux = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="pidfds are Linux'")


@linux
@pytest.mark.parametrize(("end", "status"), [("os.kill(os.getpid(), 9)", 9), ("sys.exit(3)", 3 << 8)])
def test_a_process_that_was_waited_for_still_tells_its_status(end: str, status: int) -> None:
    code = f"import os, sys; sys.stdin.readline(); {end}"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True) as child:
        watch = ExitWatch(child.pid)
        assert watch.wait_status() is None
        child.communicate("\n")
    assert watch.wait_status() in (status, None if older_kernel() else status)
    watch.close()
    watch.close()
    assert watch.wait_status() is None


@linux
def test_what_never_ran_has_no_status() -> None:
    assert ExitWatch(2**22 + 1).wait_status() is None


def older_kernel() -> bool:
    return tuple(int(part) for part in os.uname().release.split(".")[:2]) < (6, 15)
