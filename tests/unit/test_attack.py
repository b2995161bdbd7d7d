"""What an attack knows before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria import attack
from malaria.attack import clients_planned
from malaria.model.warhead import Warhead
from malaria.records import Phase, Sample
from malaria.store import RunWriter


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({}, 40),
        ({"ramp": "4s"}, 40),
        ({"ramp": "8s"}, 20),
        ({"ramp": "7s"}, 23),  # client 22 comes at 3.85 s, client 23 at 4.03 s
        ({"start_after": "4s"}, 0),
        ({"start_after": "2s", "ramp": "4s"}, 20),
    ],
)
def test_clients_that_would_come_after_the_end_are_not_planned(group: dict[str, str], expected: int) -> None:
    warhead = Warhead.model_validate(
        {"group": [{"name": "g", "clients": 40, "rate": 1, **group}], "attack": {"duration": "3s", "warmup": "1s"}}
    )
    assert clients_planned(warhead) == expected


def test_the_verdict_stands_without_its_summary_file(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run") as writer:
        writer.append([Sample("1", 0, 10**9, Phase.MEASURE)])
        writer.commit()
    (tmp_path / "run" / "summary.json").mkdir()  # nothing can be written there
    outcome = attack._outcome(tmp_path / "run")
    assert outcome.unwritten
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
