"""Records on the disks of bees come into their run, once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bees import LocalLauncher
from malaria.control.messages import Finished, Report, SecondReport
from malaria.errors import RunError
from malaria.records.rows import Event, EventKind, RunPhase, Sample
from malaria.records.run_meta import BeeFacts, RunMeta, SwarmFacts
from malaria.records.store import RunWriter, open_run
from malaria.swarm.run.bee_messages import SpooledReport
from malaria.swarm.run.collecting import batch_of, collect
from malaria.swarm.run.spool import Spool

S = 1_000_000_000


def second(number: int, text: str = "") -> SecondReport:
    events = (Event(number * S, EventKind.TROUBLE, text, "bee-1/1"),) if text else ()
    return SecondReport(Sample("bee-1/1", (number - 1) * S, number * S, RunPhase.MEASURE, {"sent": 1}), events, {})


def keep(directory: Path, reports: Sequence[Report], run: str = "run", bee: str = "bee-1") -> bytes:
    spool = Spool(directory / "spool", run, bee)
    spool.append([SpooledReport(place, f"{bee}/1", report) for place, report in enumerate(reports)])
    spool.close()
    return spool.path.read_bytes()


REPORTS: list[Report] = [second(1), second(2), second(3, "the broker closed"), Finished()]


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, LocalLauncher]:
    """A run that has the first two seconds of its bee, whose disk has four."""
    launcher = LocalLauncher(tmp_path / "bees", count=1)
    keep(launcher.directory("bee-1"), REPORTS)
    with RunWriter.create(tmp_path / "run") as writer:
        writer.append([one.sample for one in REPORTS[:2] if isinstance(one, SecondReport)])
        writer.describe(RunMeta(swarm=SwarmFacts(name="test", run="run")))
        writer.describe(RunMeta(bees=(BeeFacts(bee="bee-1", next_sequence=2),)))
    return tmp_path / "run", launcher


def test_only_what_the_run_lacks_is_brought_and_then_the_bee_forgets_it(stored: tuple[Path, LocalLauncher]) -> None:
    directory, launcher = stored
    collection = collect(directory, launcher)
    assert collection.seconds == {"bee-1": 1}
    records = open_run(directory)
    assert [sample.end_ns // S for sample in records.samples] == [1, 2, 3]
    assert [event.text for event in records.events] == ["the broker closed"]
    assert records.meta.bees == (BeeFacts(bee="bee-1", next_sequence=4, collected=2),)
    assert not list((launcher.directory("bee-1") / "spool").iterdir())


def test_what_comes_a_second_time_is_left_out(stored: tuple[Path, LocalLauncher]) -> None:
    directory, launcher = stored
    collect(directory, launcher)
    keep(launcher.directory("bee-1"), REPORTS)
    assert collect(directory, launcher).seconds == {}
    assert len(open_run(directory).samples) == 3


def test_records_of_another_run_or_bee_are_none_of_this_one(tmp_path: Path) -> None:
    data = keep(tmp_path, REPORTS)
    assert batch_of(data, "bee-1", "run", 0) is not None
    assert batch_of(data, "bee-2", "run", 0) is None
    assert batch_of(data, "bee-1", "another", 0) is None
    assert batch_of(b"garbage", "bee-1", "run", 0) is None
    assert batch_of(data, "bee-1", "run", 4) is None


def test_a_run_of_this_machine_alone_has_nothing_to_collect(tmp_path: Path) -> None:
    RunWriter.create(tmp_path / "run").seal()
    with pytest.raises(RunError, match="was not made by a swarm"):
        collect(tmp_path / "run", LocalLauncher(tmp_path))
