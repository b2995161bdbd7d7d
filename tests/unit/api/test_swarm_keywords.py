"""The keywords that say how a load is made, and what becomes of them, with stand-ins for broker and load."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import malaria
from campaign_fakes import SMALLEST, Stage
from malaria.analysis.summary_figures import Summary
from malaria.api import python_attack, quiet_campaign
from malaria.attacks.preflight import AttackRequest
from malaria.campaigns import CampaignOutcome, conduct_campaign
from malaria.errors import SwarmError
from malaria.records.campaign_store import open_campaign
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from malaria.swarm.hosts.state import save_swarm, state_directory

HOSTS = tuple(BeeHost(name=f"bee-{number}", host=f"10.0.0.{number}") for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path / "home"))
    save_swarm(Swarm(name="field", bee=HOSTS))
    Path("c.toml").write_text(SMALLEST)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[AttackRequest, list[str]]]:
    """Each attack that was asked for, and the conductors that `malaria swarm abort` found meanwhile."""
    found: list[tuple[AttackRequest, list[str]]] = []
    stage = Stage(during=lambda request: found.append((request, conductors())))

    def conduct(request: AttackRequest, *_: Any) -> Any:
        stage.during(request)
        return SimpleNamespace(directory=request.directory, summary=Summary(), run=None)

    def campaign(request: Any, listener: Any, interrupt: Any) -> CampaignOutcome:
        return conduct_campaign(request, stage, interrupt, stage.tools)

    monkeypatch.setattr(python_attack, "conduct", conduct)
    monkeypatch.setattr(quiet_campaign, "conduct_campaign", campaign)
    return found


def conductors() -> list[str]:
    return [file.name for file in state_directory().glob("*.conductor-*")]


type Made = list[tuple[AttackRequest, list[str]]]
CALLS: dict[str, Callable[..., object]] = {
    "attack": lambda **keywords: malaria.attack("127.0.0.1:1", **keywords),
    "campaign": lambda **keywords: malaria.campaign("c.toml", **keywords),
    "capacity": lambda **keywords: malaria.capacity("127.0.0.1:1", hold="4s", to=1, holds=1, **keywords),
    "compare": lambda **keywords: malaria.compare("127.0.0.1:1", "127.0.0.1:2", ab=True, pairs=1, hold=4, **keywords),
}


def bees_of(request: AttackRequest) -> tuple[str, ...]:
    assert request.launcher is not None
    return asyncio.run(request.launcher.find())


@pytest.mark.parametrize("call", CALLS)
def test_a_swarm_makes_the_load(call: str, made: Made) -> None:
    CALLS[call](swarm="field", workers=2)
    for request, found in made:
        assert request.launcher is not None
        assert (request.launcher.swarm, request.launcher.workers, len(found)) == ("field", 2, 1)
        assert bees_of(request) == ("bee-1", "bee-2", "bee-3")
    assert made
    assert conductors() == []


@pytest.mark.parametrize("call", CALLS)
def test_some_of_its_bees(call: str, made: Made) -> None:
    CALLS[call](swarm="field", bee=["bee-1", "bee-2"], without="bee-2", knock_from="bee-1")
    assert {bees_of(request) for request, _ in made} == {("bee-1",)}
    assert {request.knock_from for request, _ in made} == {"bee-1"}


@pytest.mark.parametrize("call", CALLS)
def test_a_cluster_makes_the_load(call: str, made: Made) -> None:
    CALLS[call](scheduler="tls://10.0.0.9:8786")
    launchers = {request.launcher for request, _ in made}
    assert {launcher.scheduler for launcher in launchers if launcher is not None} == {"tls://10.0.0.9:8786"}


@pytest.mark.parametrize("call", CALLS)
def test_two_places_at_once_are_refused(call: str, made: Made) -> None:
    with pytest.raises(SwarmError, match="cannot be used together"):
        CALLS[call](swarm="field", scheduler="tls://x:1")
    with pytest.raises(SwarmError, match="there is no swarm 'meadow'"):
        CALLS[call](swarm="meadow")
    assert made == []
    assert not Path("runs").exists()


def test_the_command_of_an_attack_names_its_bees(made: Made) -> None:
    malaria.attack("127.0.0.1:1", swarm="field", without=["bee-3"], output="run")
    ((request, _),) = made
    assert request.command.endswith("-w run/warhead.toml --swarm field --without bee-3")


@pytest.mark.parametrize(("call", "file"), [("campaign", "c.toml"), ("capacity", "run/campaign.toml"),
                                            ("compare", "run/campaign.toml")])  # fmt: skip
def test_the_commands_of_a_campaign_name_its_bees(call: str, file: str, made: Made) -> None:
    CALLS[call](swarm="field", bee=["bee-1", "bee-3"], knock_from="bee-1", output="run")
    named = "--swarm field --bee bee-1 --bee bee-3 --knock-from bee-1"
    stored = open_campaign(Path("run"))
    assert stored.command == f"malaria campaign {file} {named}"
    for part in stored.parts:
        campaign, attack = part.command.splitlines()
        assert campaign.startswith(f"malaria campaign {file} {named}")
        assert attack.endswith(f"/warhead.toml {named}")


@pytest.mark.parametrize("call", CALLS)
def test_the_last_figures_are_waited_for_unless_told_otherwise(call: str, made: Made) -> None:
    for no_wait in (False, True):
        made.clear()
        CALLS[call](no_wait=no_wait)
        assert made
        assert {request.wait_for_figures for request, _ in made} == {not no_wait}
        assert {"--no-wait" in request.command.split() for request, _ in made} == {no_wait}


def test_where_no_signal_can_be_heard_no_conductor_is_found(made: Made) -> None:
    asyncio.run(malaria.attack_async("127.0.0.1:1", swarm="field"))
    thread = threading.Thread(target=lambda: malaria.attack("127.0.0.1:1", swarm="field"))
    thread.start()
    thread.join()
    assert [(bees_of(request), found) for request, found in made] == [(("bee-1", "bee-2", "bee-3"), [])] * 2
