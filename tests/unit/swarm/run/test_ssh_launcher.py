"""Bees over ssh: what is run there, what goes in on its standard input, and what is said when it fails."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from malaria.errors import SwarmError
from malaria.ssh.ssh_failures import SshError
from malaria.swarm.hosts.each_host import HostResult
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from malaria.swarm.run import ssh_launcher as module
from malaria.swarm.run.certificates import RunCertificates
from malaria.swarm.run.ssh_launcher import SshLauncher

BEES = (
    BeeHost(name="east", host="10.0.0.3", directory="/srv/bee", source_addresses=("10.0.0.3", "10.0.0.4")),
    BeeHost(name="west", host="fe80::7"),
)
SWARM = Swarm(name="field", bee=BEES)
CERTIFICATES = {bee.name: RunCertificates("AUTHORITY", "CERTIFICATE", "SECRET KEY") for bee in BEES}

CAUSES = {
    "/new": "nothing is deployed there",
    "/full": "No space left on device",
    "/far": "cannot reach the conductor at 10.0.0.1 port 1: Connection refused",
    "/late": "its clock says 2020-01-01 00:00 UTC, when the certificate of this run is not valid",
}


class Connection:
    """An ssh connection to a bee that knows our address as the bee sees it."""

    def __init__(self, host: BeeHost) -> None:
        self.host = host
        self.ours = "fe80::1" if ":" in host.host else "10.0.0.1"

    def get_extra_info(self, name: str) -> tuple[str, int]:
        assert name == "sockname"
        return self.ours, 40000


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """(bee, script, what was given), of every command."""
    commands: list[tuple[str, str, str]] = []

    async def on_each(hosts: Any, work: Any, report: Any = None, at_once: int = 1) -> list[HostResult[Any]]:
        outcomes = []
        for host in hosts:
            try:
                outcomes.append(HostResult(host, await work(host, Connection(host))))
            except SshError as error:
                outcomes.append(HostResult(host, error=error.message, remedy=error.remedy))
            if report is not None:
                report(outcomes[-1])
        return outcomes

    async def run(connection: Connection, script: str, stdin: str = "", timeout_s: float = 0) -> str:
        host = connection.host
        commands.append((host.name, script, stdin))
        if host.directory in CAUSES:
            raise SshError(CAUSES[host.directory])
        return f"/home/{host.name}\n"

    async def parts_there(*_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(module, "on_each", on_each)
    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "parts_there", parts_there)
    return commands


def test_each_bee_is_started_where_it_lies_and_told_who_we_are_to_it(ran: list[tuple[str, str, str]]) -> None:
    asyncio.run(SshLauncher(SWARM).start(4321, CERTIFICATES, "malaria attack x"))
    settings = [json.loads(given) for _, _, given in ran]
    assert [(one["host"], one["port"]) for one in settings] == [("10.0.0.1", 4321), ("fe80::1", 4321)]
    assert settings[0]["certificates"]["key"] == "SECRET KEY"


def test_keys_go_in_on_standard_input_and_never_in_an_argument(ran: list[tuple[str, str, str]]) -> None:
    asyncio.run(SshLauncher(SWARM).start(1, CERTIFICATES, "malaria attack x"))
    assert not any("SECRET" in script or "CERTIFICATE" in script for _, script, _ in ran)
    assert ran[0][1].startswith("cd /srv/bee ")


def test_every_bee_that_failed_is_named(ran: list[tuple[str, str, str]]) -> None:
    full = Swarm(name="field", bee=(BEES[0], BeeHost(name="south", host="10.0.0.9", directory="/new")))
    with pytest.raises(SwarmError) as refused:
        asyncio.run(SshLauncher(full).start(1, CERTIFICATES | {"south": CERTIFICATES["east"]}, "x"))
    assert refused.value.message == "south (10.0.0.9): nothing is deployed there"
    assert refused.value.remedy == "run: malaria swarm deploy --swarm field"


def test_what_the_attack_asks_of_them() -> None:
    launcher = SshLauncher(SWARM, workers=2, port=8786)
    assert (launcher.swarm, launcher.workers, launcher.port) == ("field", 2, 8786)
    assert asyncio.run(launcher.find()) == ("east", "west")
    assert launcher.sources_of("east") == ("10.0.0.3", "10.0.0.4")
    assert launcher.parts_of("east") == ()
    assert launcher.scheduler == ""


def test_a_swarm_without_bees_makes_no_load() -> None:
    with pytest.raises(SwarmError, match="has no bees"):
        SshLauncher(Swarm(name="empty"))


def test_collected_records_are_removed_by_their_name_alone(ran: list[tuple[str, str, str]]) -> None:
    asyncio.run(SshLauncher(SWARM).remove_spools(["east"], "run1"))
    assert ran == [("east", "rm -f /srv/bee/spool/run1-east.spool", "")]


def test_each_cause_has_its_remedy(ran: list[tuple[str, str, str]]) -> None:
    bees = tuple(BeeHost(name=name, host="10.0.0.9", directory=f"/{name}") for name in ("full", "far", "new", "late"))
    with pytest.raises(SwarmError) as refused:
        asyncio.run(
            SshLauncher(Swarm(name="field", bee=bees)).start(1, {b.name: CERTIFICATES["east"] for b in bees}, "x")
        )
    assert refused.value.remedy.splitlines() == [
        "free some space there",
        "let the bee connect to that port of this host: check firewalls and routers",
        "run: malaria swarm deploy --swarm field",
        "set its clock, or start its time service, such as systemd-timesyncd",
    ]


def test_a_failure_is_told_before_the_slow_ones_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def on_each(hosts: Any, work: Any, report: Any, at_once: int) -> list[HostResult[None]]:
        report(HostResult(hosts[0], error="No space left on device"))
        await asyncio.sleep(3600)
        return []

    monkeypatch.setattr(module, "on_each", on_each)
    monkeypatch.setattr(module, "OTHERS_S", 0.01)
    with pytest.raises(SwarmError, match=r"east \(10\.0\.0\.3\): No space left on device"):
        asyncio.run(asyncio.wait_for(SshLauncher(SWARM).start(1, CERTIFICATES, "malaria attack x"), 60))
