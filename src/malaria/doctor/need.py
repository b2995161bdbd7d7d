"""The files, ports and memory that a load needs on the machine that makes it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from malaria.transport.host_limits import CLIENT_BYTES, DESCRIPTORS_OF_OUR_OWN, TLS_BYTES, WORKER_BYTES
from malaria.transport.route import Endpoint

CONNECTS_IN_PROGRESS: Final = 64
"""The default of `connects_in_progress`: the most handshakes that wait for the broker's accept at once."""


@dataclass(frozen=True, slots=True)
class LoadNeed:
    """The needs of one load."""

    clients: int
    workers: int
    endpoints: tuple[Endpoint, ...] = ()
    sources: int = 1  # number of source addresses
    secure: bool = False  # clients use TLS

    @property
    def descriptors(self) -> int:
        """Open files of each worker."""
        return -(-self.clients // self.workers) + DESCRIPTORS_OF_OUR_OWN

    @property
    def ports(self) -> int:
        """Local ports of each source address towards each target address."""
        return -(-self.clients // (self.sources * max(1, len(self.endpoints))))

    @property
    def memory_bytes(self) -> int:
        return self.workers * WORKER_BYTES + self.clients * (CLIENT_BYTES + TLS_BYTES * self.secure)

    @property
    def broker_is_here(self) -> bool:
        return bool(self.endpoints) and all(
            ipaddress.ip_address(address[0]).is_loopback for _, address in self.endpoints
        )


def need_for(
    clients: int, workers: int, endpoints: Sequence[Endpoint] = (), sources: Sequence[str] = (), *, secure: bool = False
) -> LoadNeed:
    return LoadNeed(clients, workers, tuple(endpoints), max(1, len(sources)), secure)
