"""The state of a bee before a deployment, and the bundles that are made."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from malaria.errors import SwarmError
from malaria.swarm.hosts import deployment as module
from malaria.swarm.hosts.bee_layout import Deployed, deployed_from_json
from malaria.swarm.hosts.deployment import BeeState, ClaimedPlaces, Packer, state_from
from malaria.swarm.hosts.install_bundle import InstallBundle
from malaria.swarm.hosts.inventory import BeeHost
from malaria.swarm.hosts.machine import Machine

LINUX = Machine("Linux", "x86_64")
DEPLOYED = Deployed("0.1.0", "0123", "3.13.5")


def test_a_fresh_host_has_nothing() -> None:
    assert state_from("Linux\nx86_64\n\n\ngone\n") == BeeState(LINUX, "", None)


def test_one_that_was_deployed_to_says_what_it_has() -> None:
    said = f"Linux\nx86_64\n/usr/bin/python3.13\n{DEPLOYED.to_json()}there\n"
    assert state_from(said) == BeeState(LINUX, "/usr/bin/python3.13", DEPLOYED)


def test_one_whose_venv_is_gone_is_not_deployed() -> None:
    assert state_from(f"Linux\nx86_64\n\n{DEPLOYED.to_json()}gone\n").deployed is None


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"version": "1"}'])
def test_what_is_no_such_file_is_none(text: str) -> None:
    assert deployed_from_json(text) is None


def test_a_bundle_is_made_once_for_each_kind_of_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Machine] = []

    def make_bundle(machine: Machine, _: Path) -> InstallBundle:
        made.append(machine)
        return InstallBundle("1", "0123", {"x.py": b"1"})

    monkeypatch.setattr(module, "make_bundle", make_bundle)

    async def ask() -> None:
        packer = Packer(tmp_path)
        await asyncio.gather(*(packer.bundle(LINUX) for _ in range(5)), packer.bundle(Machine("Linux", "aarch64")))
        first, again = [await packer.packed(LINUX, with_python=False) for _ in range(2)]
        assert first is again

    asyncio.run(ask())
    assert [machine.machine for machine in made] == ["x86_64", "aarch64"]


def test_one_host_under_two_names_is_told() -> None:
    places = ClaimedPlaces()
    one, other = BeeHost(name="bee-1", host="10.0.0.3"), BeeHost(name="bee-2", host="east.example")
    here = state_from("Linux\nx86_64\n\n\ngone\n1234-56 65025:77\n").place
    places.claim(here, one)
    with pytest.raises(SwarmError, match=r"the same host and directory as bee-1 \(10\.0\.0\.3\)") as refused:
        places.claim(here, other)
    assert refused.value.remedy == "take one out, then deploy again: malaria swarm remove bee-2"
    places.claim("1234-56 65025:78", other)  # another directory there
    places.claim("", one)  # a host that does not say
    places.claim("", other)
