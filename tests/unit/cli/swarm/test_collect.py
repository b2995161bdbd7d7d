"""`malaria swarm collect`: which bees are asked, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.cli.main import main
from malaria.errors import SwarmError
from malaria.records.rows import RunPhase, Sample
from malaria.records.run_meta import RunMeta, SwarmFacts
from malaria.records.store import RunWriter
from malaria.swarm.hosts import state
from malaria.swarm.run import collecting
from malaria.swarm.run.collecting import Collection

ASKED: list[str] = []


class FakeLauncher:
    def __init__(self, swarm: object) -> None:
        ASKED.append(str(swarm))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stored run of the swarm `garden`."""
    ASKED.clear()
    monkeypatch.setattr("malaria.swarm.run.ssh_launcher.SshLauncher", FakeLauncher)
    monkeypatch.setattr(state, "load_swarm", lambda name: name)
    with RunWriter.create(tmp_path / "run") as writer:
        writer.append([Sample("bee-1/1", 0, 10**9, RunPhase.MEASURE)])
        writer.describe(RunMeta(swarm=SwarmFacts(name="garden", run="token")))
    return tmp_path / "run"


def test_the_swarm_that_made_it_is_asked_and_the_page_made_anew(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(collecting, "collect", lambda *_: Collection({"bee-1": 3}, ("bee-2",)))
    assert main(["swarm", "collect", str(run)]) == 0
    assert ASKED == ["garden"]
    said = capsys.readouterr()
    assert "bee-1: 3 seconds of records" in said.err
    assert "bee-2: nothing more\n" in said.err
    assert (run / "report.html").exists()


def test_another_swarm_can_be_named_and_nothing_is_written_for_nothing(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "collect", lambda *_: Collection({}, ("bee-1",)))
    assert main(["swarm", "collect", str(run), "--swarm", "field"]) == 0
    assert ASKED == ["field"]
    assert not (run / "report.html").exists()


def test_a_run_of_this_machine_alone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RunWriter.create(tmp_path / "run").seal()
    assert main(["swarm", "collect", str(tmp_path / "run")]) == 2
    assert "was not made by a swarm" in capsys.readouterr().err


def test_a_swarm_that_is_not_known(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> object:
        raise SwarmError(f"there is no swarm {name!r}")

    monkeypatch.setattr(state, "load_swarm", unknown)
    assert main(["swarm", "collect", str(run)]) == 2


def test_a_bee_out_of_reach_is_told_apart_and_is_exit_code_1(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(collecting, "collect", lambda *_: Collection({}, ("bee-1",), {"bee-2": "no answer"}))
    assert main(["swarm", "collect", str(run)]) == 1
    said = capsys.readouterr()
    assert "bee-1: nothing more\n" in said.err
    assert "bee-2: not reached: no answer\n" in said.err
