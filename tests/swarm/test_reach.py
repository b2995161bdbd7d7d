"""Bees over real ssh, each in a network namespace."""

from __future__ import annotations

import asyncio

import asyncssh

from malaria.ssh.connection import run
from malaria.swarm.hosts.each_host import on_each
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from namespaces import Network


async def where(host: BeeHost, connection: asyncssh.SSHClientConnection) -> str:
    return await run(connection, 'echo "$SSH_CONNECTION" | cut -d" " -f3; cat', "given\n")


def test_every_bee_is_reached_at_its_own_address(swarm: Swarm) -> None:
    said = asyncio.run(on_each(swarm.hosts, where))
    assert [(outcome.value, outcome.error) for outcome in said] == [(f"{bee.host}\ngiven\n", "") for bee in swarm.hosts]


def test_each_that_cannot_be_reached_says_why_and_the_others_go_on(swarm: Swarm, hosts: Network) -> None:
    first, second, third, fourth = (bee.model_dump() for bee in swarm.hosts)
    stranger = hosts.known_hosts.with_name("nobody_known")
    stranger.write_text(hosts.ssh_config.read_text().replace(str(hosts.known_hosts), "none"))
    wrong_key = asyncssh.generate_private_key("ssh-ed25519")
    wrong_key.write_private_key(str(hosts.key.with_name("wrong_key")))
    elsewhere = hosts.known_hosts.with_name("wrong_user")
    elsewhere.write_text(hosts.ssh_config.read_text().replace(str(hosts.key), str(hosts.key.with_name("wrong_key"))))
    bees = [
        BeeHost(**first | {"ssh_config": str(stranger)}),
        BeeHost(**second | {"ssh_config": str(elsewhere)}),
        BeeHost(**third | {"port": 23}),
        BeeHost(**fourth),
    ]
    outcomes = asyncio.run(on_each(bees, where))
    assert [outcome.error for outcome in outcomes] == [
        "its host key is not in known_hosts, or has changed",
        "it refused the login",
        "nothing listens at its ssh port",
        "",
    ]


def test_a_bee_is_reached_through_a_jump_host_whose_key_is_checked_too(swarm: Swarm, hosts: Network) -> None:
    gate, bee, *_ = swarm.hosts
    through = BeeHost(**bee.model_dump() | {"jump": gate.host})
    wrong = hosts.known_hosts.with_name("known_without_gate")
    lines = hosts.known_hosts.read_text().splitlines()
    wrong.write_text("".join(f"{line}\n" for line in lines if not line.startswith(f"{gate.host} ")))
    config = hosts.known_hosts.with_name("config_without_gate")
    config.write_text(hosts.ssh_config.read_text().replace(str(hosts.known_hosts), str(wrong)))
    untrusting = BeeHost(**bee.model_dump() | {"jump": gate.host, "ssh_config": str(config)})

    async def origin(host: BeeHost, connection: asyncssh.SSHClientConnection) -> str:
        return (await run(connection, "echo $SSH_CONNECTION")).split()[0]

    came, refused = asyncio.run(on_each([through, untrusting], origin))
    assert came.value == gate.host, came.error
    assert refused.error == f"jump host {gate.host}: its host key is not in known_hosts, or has changed"
