"""What an attack leaves behind, and what it does not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from malaria.attacks.preflight import AttackRequest, prepare, seen_from_bee
from malaria.attacks.runner import _look_from_here, stored_outcome
from malaria.errors import UnreachedTargetError, UnstoredRunError
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.records.rows import RunPhase, Sample
from malaria.records.store import RunWriter
from malaria.swarm.run.bee_messages import Knocked


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


class NoBees:
    """The launcher of a swarm, of which nothing is asked before the target was looked at."""


def request(url: str, launcher: object = None, knock_from: str | None = None) -> AttackRequest:
    group = {"name": "meters", "clients": 3, "interval": "1s"}
    warhead = Warhead.model_validate({"group": [group], "attack": {"duration": "1s"}})
    target = parse_target(url)
    return AttackRequest(
        target,
        warhead,
        Path("run"),
        1,
        "",
        "",
        launcher=launcher,
        knock_from=knock_from,  # type: ignore[arg-type]
    )


def _look_at(asked: AttackRequest) -> None:
    _look_from_here(asked, prepare(asked))


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1:1", "mqtt://nowhere.invalid"])
def test_a_target_that_only_bees_reach_is_looked_at_from_one(url: str) -> None:
    asked = request(url, NoBees())
    load = prepare(asked)
    found, reason = _look_from_here(asked, load)
    assert found is None
    assert reason.startswith(url)
    info = seen_from_bee(load, Knocked("bee-1", "mosquitto 2", ("meters come in over TLS",)), reason)
    assert (info.version, info.notes[1:]) == ("mosquitto 2", ("meters come in over TLS",))
    assert info.notes[0] == f"the target, which this machine does not reach ({reason}), was first looked at from bee-1"
    with pytest.raises(UnreachedTargetError):  # without bees nothing else can look at it
        _look_at(request(url))


def test_a_bee_that_is_named_is_asked_at_once(tmp_path: Path) -> None:
    asked = request("mqtt://127.0.0.1:1", NoBees(), "bee-2")
    load = prepare(asked)
    assert _look_from_here(asked, load) == (None, "")
    assert seen_from_bee(load, Knocked("bee-2", None, ()), "").notes == ("the target was first looked at from bee-2",)


def test_a_load_of_this_machine_needs_no_swarm_and_no_charts_yet() -> None:
    """Dask, ssh, keys and charts are slow to import, and no part of a load of this machine."""
    script = (
        "import sys, malaria.attacks.runner, malaria.cli.attack_screen, malaria.cli.attack, malaria.engine.worker;"
        "print(*{'dask', 'distributed', 'asyncssh', 'cryptography', 'boto3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []
