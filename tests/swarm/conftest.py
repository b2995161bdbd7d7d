"""Hosts for a swarm: network namespaces, each with its sshd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import lacking
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from namespaces import Network, network, no_namespaces

BEES = 4


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Four hosts for bees and one more, for a broker; for the whole session."""
    if reason := no_namespaces():
        lacking(reason, "run as root, and apt install iproute2 openssh-server openssh-client")
    with network(tmp_path_factory.mktemp("network"), BEES + 1) as found:
        yield found


@pytest.fixture
def swarm(hosts: Network, tmp_path: Path) -> Swarm:
    """A bee on each of the four, in a directory of its own that is not there yet."""
    bees = (
        BeeHost(
            name=f"bee-{host.number}",
            host=host.address,
            ssh_config=str(hosts.ssh_config),
            directory=f"{tmp_path}/bee-{host.number}",
        )
        for host in hosts.hosts[:BEES]
    )
    return Swarm(name="test", bee=tuple(bees))
