"""Work on many hosts at once: a failed one is named, the others go on."""

from __future__ import annotations

import asyncio

import pytest

from malaria.errors import OperatorError, SwarmError
from malaria.swarm.hosts.each_host import HostResult, for_each
from malaria.swarm.hosts.inventory import BeeHost

BEES = [BeeHost(name=f"bee-{n}", host=f"10.0.0.{n}", user="karl") for n in range(1, 6)]


def test_a_failed_host_is_named_and_the_others_go_on() -> None:
    reported: list[str] = []

    async def work(host: BeeHost) -> int:
        if host.name == "bee-2":
            raise SwarmError("it is on fire", "put it out")
        if host.name == "bee-3":
            raise ConnectionRefusedError(111, "Connection refused")
        if host.name == "bee-4":
            raise OperatorError("no such file", "make one")
        return len(host.host)

    outcomes = asyncio.run(for_each(BEES, work, lambda outcome: reported.append(outcome.host.name), at_once=2))
    assert outcomes == [
        HostResult(BEES[0], 8),
        HostResult(BEES[1], None, "it is on fire", "put it out"),
        HostResult(BEES[2], None, "nothing listens at its ssh port", "check that sshd runs there, and the port"),
        HostResult(BEES[3], None, "no such file", "make one"),
        HostResult(BEES[4], 8),
    ]
    assert sorted(reported) == [bee.name for bee in BEES]


def test_no_more_than_wanted_are_worked_on_at_once() -> None:
    running, most = 0, 0

    async def work(_: BeeHost) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    asyncio.run(for_each(BEES, work, at_once=3))
    assert most == 3


def test_a_bug_of_ours_is_raised_when_all_are_done() -> None:
    done: list[str] = []

    async def work(host: BeeHost) -> None:
        if host.name == "bee-1":
            raise KeyError("ours")
        await asyncio.sleep(0)
        done.append(host.name)

    with pytest.raises(KeyError):
        asyncio.run(for_each(BEES, work))
    assert done == ["bee-2", "bee-3", "bee-4", "bee-5"]
