"""A disk that is really full: the run goes on, says what it could not write, and what was recorded can be read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from malaria.errors import OperatorError
from malaria.records.rows import RunPhase, Sample
from malaria.records.store import RunWriter, open_run

KIB = 1024
DISK_KIB = 2048


def sample(second: int) -> Sample:
    """About four kilobytes, as of a busy worker."""
    packed = {metric: os.urandom(KIB) for metric in ("ack", "service", "lag", "own_lag")}
    return Sample("1", second, second + 1, RunPhase.MEASURE, {"due": 500}, {"cpu_ns": second}, packed)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "malaria-test", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True, timeout=10).returncode == 0
    if not mounted:
        reason = "test_store_disk_full: no small disk can be mounted; run the tests as root (or in a VM) to include it"
        if os.environ.get("MALARIA_NO_SKIP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True, timeout=10)


def test_a_full_disk_loses_nothing_that_fits_later(disk: Path) -> None:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes((DISK_KIB - 350) * KIB))
    with RunWriter.create(disk / "run") as writer:
        for second in range(60):
            writer.append([sample(second)])
            writer.commit()
        assert writer.failures
        assert "full" in writer.first_failure
        readable = open_run(disk / "run").samples
        assert 0 < len(readable) < 60
        ballast.unlink()
        assert writer.commit()
    records = open_run(disk / "run")
    assert [s.start_ns for s in records.samples] == list(range(60))
    assert writer.forgotten == 0


def test_a_disk_that_stays_full_keeps_what_it_has(disk: Path) -> None:
    with RunWriter.create(disk / "run") as writer:
        for second in range(600):
            writer.append([sample(second)])
            writer.commit()
    assert writer.failures
    records = open_run(disk / "run")
    assert len(records.samples) > 10
    assert [s.start_ns for s in records.samples] == list(range(len(records.samples)))


def test_a_disk_without_room_for_a_run_says_so(disk: Path) -> None:
    (disk / "ballast").write_bytes(bytes((DISK_KIB - 4) * KIB))
    with pytest.raises(OperatorError, match="cannot write a run") as caught:
        RunWriter.create(disk / "run")
    assert "space left" in caught.value.remedy
    assert not (disk / "run" / "run.db").exists()
