"""The bees that options and keywords name, and the mark of the process that conducts them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from malaria.errors import SwarmError
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from malaria.swarm.hosts.state import save_swarm, state_directory
from malaria.swarm.run.chosen_bees import ChosenBees, conducting

HOSTS = tuple(BeeHost(name=f"bee-{number}", host=f"10.0.0.{number}") for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path))


def found(bees: ChosenBees) -> tuple[str, ...]:
    launcher = bees.launcher()
    assert launcher is not None
    return asyncio.run(launcher.find())


def test_nothing_named_is_this_machine() -> None:
    assert ChosenBees(workers=3).launcher() is None


def test_bees_of_a_swarm() -> None:
    save_swarm(Swarm(name="field", bee=HOSTS))
    assert found(ChosenBees("field")) == ("bee-1", "bee-2", "bee-3")
    assert found(ChosenBees("field", bees=("bee-1", "bee-2"), without=("bee-2",))) == ("bee-1",)
    launcher = ChosenBees("field", workers=2).launcher()
    assert launcher is not None
    assert (launcher.swarm, launcher.scheduler, launcher.workers) == ("field", "", 2)


def test_a_cluster() -> None:
    launcher = ChosenBees(scheduler="tls://10.0.0.9:8786").launcher()
    assert launcher is not None
    assert (launcher.swarm, launcher.scheduler, launcher.workers) == (
        "tls://10.0.0.9:8786",
        "tls://10.0.0.9:8786",
        None,
    )


@pytest.mark.parametrize(
    ("bees", "message"),
    [
        (ChosenBees("field"), "there is no swarm 'field'"),
        (ChosenBees("field", "tls://x:1"), "cannot be used together"),
        (ChosenBees(bees=("bee-1",)), "--bee and --without choose bees of a swarm"),
        (ChosenBees(scheduler="tls://x:1", without=("bee-1",)), "--bee and --without choose bees of a swarm"),
        (ChosenBees(knock_from="bee-1"), "--knock-from names a bee of a swarm"),
    ],
)
def test_what_is_refused(bees: ChosenBees, message: str) -> None:
    with pytest.raises(SwarmError, match=message):
        bees.launcher()


def test_the_words_of_a_command() -> None:
    bees = ChosenBees("field", workers=3, bees=("a", "b"), without=("c",), knock_from="a")
    assert bees.words() == ["--swarm", "field", "--bee", "a", "--bee", "b", "--without", "c", "--knock-from", "a"]
    assert ChosenBees(scheduler="tls://x:1").words() == ["--scheduler", "tls://x:1"]
    assert ChosenBees().words() == []


def test_an_attack_is_found_by_its_swarm_and_only_by_that() -> None:
    bees: Any = SimpleNamespace(swarm="bees", scheduler="")
    dask: Any = SimpleNamespace(swarm="", scheduler="tls://127.0.0.1:8786")
    with conducting(None), conducting(dask):
        assert not state_directory().exists()
    with conducting(bees):
        assert [file.name for file in state_directory().iterdir()] == [f"bees.conductor-{os.getpid()}"]
