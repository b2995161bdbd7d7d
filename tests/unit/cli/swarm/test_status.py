"""What `malaria swarm status` prints below its table."""

from __future__ import annotations

import pytest

from malaria import __version__
from malaria.cli.swarm.status import _show
from malaria.model.key_part import KeyPart
from malaria.swarm.hosts.bee_layout import Deployed
from malaria.swarm.hosts.bee_status import BeeCapacity, BeeStatus
from malaria.swarm.hosts.each_host import HostResult
from malaria.swarm.hosts.inventory import BeeHost

FILE = "0123456789abcdef"


def bee(number: int, *parts: KeyPart, version: str = __version__) -> HostResult[BeeStatus]:
    deployed = Deployed(version=version, python="3.13.0", digest=version)
    status = BeeStatus(4, 20000, 64512, 4096, 8 * 10**9, 7 * 10**9, 5 * 10**10, "0.1", deployed, None, parts)
    return HostResult(BeeHost(name=f"bee-{number}", host=f"10.0.0.{number}"), status)


def shown(capsys: pytest.CaptureFixture[str], *results: HostResult[BeeStatus]) -> str:
    _show(results, {result.host.name: BeeCapacity(60_000, "local ports") for result in results})
    return capsys.readouterr().out


def test_disk_keys_version_and_the_clients_that_the_keys_allow(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, bee(1, KeyPart(0, 2, 301, (0,), FILE)), bee(2, KeyPart(1, 2, 301, (0,), FILE)))
    first = next(line for line in said.splitlines() if line.startswith("bee-1"))
    assert f"{__version__}" in first
    assert "50 GB" in first
    assert "1/2: 151" in first
    assert "this swarm can make 120,000 clients: bee-1 would be the first to run out of local ports" in said
    assert "the keys on the bees are for 301 clients\n" in said


def test_a_bee_without_its_part_and_another_version_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, bee(1, KeyPart(0, 2, 301, (0,), FILE)), bee(2, version="0.0.9"))
    assert "the keys on the bees are for 151 clients of the 301 in their file; bee-2 has no part of them" in said
    assert f"bee-2 has malaria 0.0.9, and this host {__version__}: malaria swarm deploy" in said
