"""What an attack leaves behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from malaria.attack import runner as attack
from malaria.attack.runner import interruptible
from malaria.records.rows import RunPhase, Sample
from malaria.records.store import RunWriter


def test_the_verdict_stands_without_its_summary_file(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run") as writer:
        writer.append([Sample("1", 0, 10**9, RunPhase.MEASURE)])
        writer.commit()
    (tmp_path / "run" / "summary.json").mkdir()  # nothing can be written there
    outcome = attack._outcome(tmp_path / "run")
    assert outcome.unwritten
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"


@pytest.mark.parametrize("impatient", [False, True])
def test_ctrl_c_is_counted_and_the_second_one_felt_where_nobody_looks(impatient: bool) -> None:
    with interruptible() as interrupt:
        interrupt.impatient = impatient
        signal.raise_signal(signal.SIGINT)
        assert interrupt.count == 1
        if impatient:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGTERM)
        assert interrupt.count == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_load_of_this_machine_needs_nothing_of_a_swarm() -> None:
    """Neither Dask nor ssh nor keys are as much as looked at."""
    script = (
        "import sys, malaria.attack.runner, malaria.cli.attack_screen, malaria.cli.attack, malaria.engine.worker;"
        "print(*{'dask', 'distributed', 'asyncssh', 'cryptography', 'boto3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_while_bees_come_the_second_ctrl_c_is_felt() -> None:
    interrupt = attack.Interrupt()
    with attack._impatient(interrupt):
        assert interrupt.impatient
    assert not interrupt.impatient
