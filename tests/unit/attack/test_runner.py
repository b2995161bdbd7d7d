"""What an attack leaves behind, and what it does not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from malaria.attack.runner import stored_outcome
from malaria.errors import UnstoredRunError
from malaria.records.rows import RunPhase, Sample
from malaria.records.store import RunWriter


def test_the_verdict_stands_without_its_summary_file(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run") as writer:
        writer.append([Sample("1", 0, 10**9, RunPhase.MEASURE)])
        writer.commit()
    (tmp_path / "run" / "summary.json").mkdir()  # nothing can be written there
    outcome = stored_outcome(tmp_path / "run")
    assert outcome.unwritten
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"


def test_a_run_that_was_removed_while_its_load_ran_is_no_bad_command(tmp_path: Path) -> None:
    with pytest.raises(UnstoredRunError, match="the run is lost") as caught:
        stored_outcome(tmp_path / "run")
    assert caught.value.exit_code == 4


def test_a_load_of_this_machine_needs_no_swarm_and_no_charts_yet() -> None:
    """Dask, ssh, keys and charts are slow to import, and no part of a load of this machine."""
    script = (
        "import sys, malaria.attack.runner, malaria.cli.attack_screen, malaria.cli.attack, malaria.engine.worker;"
        "print(*{'dask', 'distributed', 'asyncssh', 'cryptography', 'boto3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
