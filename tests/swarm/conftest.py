"""Hosts for a swarm: network namespaces, each with its sshd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import lacking
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from namespaces import Network, network, no_namespaces
from swarm_attacks import AHEAD_NS, broker_on, settle_in

BEES = 4


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Four hosts for bees and one more, for a broker; for the whole session."""
    if reason := no_namespaces():
        lacking(reason, "run as root, and apt install iproute2 openssh-server openssh-client")
    with network(tmp_path_factory.mktemp("network"), BEES + 1) as found:
        yield found


@pytest.fixture(scope="session")
def broker_url(hosts: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A mosquitto on the last host, for the whole session."""
    with broker_on(hosts.hosts[-1], tmp_path_factory.mktemp("broker")) as url:
        yield url


@pytest.fixture(scope="session")
def settled(hosts: Network, tmp_path_factory: pytest.TempPathFactory) -> Swarm:
    """A bee on each of the four, ready for attacks, for the whole session. The clock of the last is ahead."""
    swarm = bees_below(tmp_path_factory.mktemp("settled"), hosts)
    for bee in swarm.hosts:
        settle_in(bee, AHEAD_NS if bee == swarm.hosts[-1] else 0)
    return swarm


@pytest.fixture
def swarm(hosts: Network, tmp_path: Path) -> Swarm:
    """A bee on each of the four, in a directory of its own that is not there yet: for what deploys or destroys."""
    return bees_below(tmp_path, hosts)


def bees_below(directory: Path, hosts: Network) -> Swarm:
    bees = (
        BeeHost(
            name=f"bee-{host.number}",
            host=host.address,
            ssh_config=str(hosts.ssh_config),
            directory=f"{directory}/bee-{host.number}",
        )
        for host in hosts.hosts[:BEES]
    )
    return Swarm(name="test", bee=tuple(bees))
