"""What an attack leaves behind."""

from __future__ import annotations

from pathlib import Path

from malaria import attack
from malaria.records import Phase, Sample
from malaria.store import RunWriter


def test_the_verdict_stands_without_its_summary_file(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run") as writer:
        writer.append([Sample("1", 0, 10**9, Phase.MEASURE)])
        writer.commit()
    (tmp_path / "run" / "summary.json").mkdir()  # nothing can be written there
    outcome = attack._outcome(tmp_path / "run")
    assert outcome.unwritten
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
