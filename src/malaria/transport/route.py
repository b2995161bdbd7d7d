"""The way from this host to a broker: hosts with their addresses, scheme, path, and source addresses."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from malaria.model.attack_table import Spread
from malaria.model.target import Address, Scheme

type Endpoint = tuple[int, tuple[str, int]]
"""(address family, (numeric host, port)). A link-local host ends in its zone: `fe80::1%eth0`."""


@dataclass(frozen=True, slots=True)
class TargetHost:
    """One host that the target names, and the addresses that its name stands for.

    Clients are spread over the addresses of the first one's family (or begin with the first, see `Spread`); the others
    are tried when those fail. Fixed order instead of a race of both families (RFC 8305), so that a run can be repeated.
    """

    address: Address  # as it was written: a certificate is verified against its host
    endpoints: tuple[Endpoint, ...]
    spread: Spread = Spread.EVEN
    family: int | None = None  # of the source addresses, if they are given: only these endpoints can be reached
    unused: frozenset[Endpoint] = frozenset()  # they did not answer before the load

    @property
    def is_name(self) -> bool:
        """True if the host was given by name, whose addresses may change."""
        return self.address.host != self.endpoints[0][1][0]

    @property
    def shared(self) -> int:
        """Return how many of the endpoints, from the first on, clients are spread over."""
        if self.spread is Spread.FIRST:
            return 1
        family = self.endpoints[0][0]
        return sum(endpoint[0] == family for endpoint in self.endpoints)

    def candidates(self, turn: int) -> tuple[Endpoint, ...]:
        """Return all endpoints in the order in which the client of this turn tries them."""
        shared, first = self.endpoints[: self.shared], turn % self.shared
        return shared[first:] + shared[:first] + self.endpoints[self.shared :]

    def without(self, unused: Collection[Endpoint]) -> TargetHost:
        """Return the host without these endpoints; with them, if no other is left."""
        rest = tuple(endpoint for endpoint in self.endpoints if endpoint not in unused)
        left_out = frozenset(self.endpoints).intersection(unused) | self.unused
        return replace(self, endpoints=rest, unused=left_out) if rest else self


@dataclass(frozen=True, slots=True)
class Route:
    """The hosts that clients connect to, the scheme, and the source addresses (none: the kernel chooses).

    Clients take the hosts in turn, the clients of one host its endpoints in turn, and so the source addresses.
    """

    hosts: tuple[TargetHost, ...]
    sources: tuple[str, ...] = ()
    scheme: Scheme = Scheme.MQTT
    path: str = ""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return all endpoints that clients may connect to, those of the first host first."""
        return tuple(endpoint for host in self.hosts for endpoint in host.endpoints)

    @property
    def shared_endpoints(self) -> tuple[Endpoint, ...]:
        """Return the endpoints that clients begin with."""
        return tuple(endpoint for host in self.hosts for endpoint in host.endpoints[: host.shared])

    @property
    def ambiguous(self) -> bool:
        """True unless the target is one numeric address: messages then name their endpoint."""
        return len(self.hosts) > 1 or self.hosts[0].is_name

    def without(self, unused: Collection[Endpoint]) -> Route:
        """Return the route without these endpoints, as far as each host keeps one."""
        return replace(self, hosts=tuple(host.without(unused) for host in self.hosts))

    def host_of(self, number: int) -> TargetHost:
        """Return the host that the client of this number connects to."""
        return self.hosts[number % len(self.hosts)]

    def turn_of(self, number: int) -> int:
        """Return the place of the client of this number among those of its host."""
        return number // len(self.hosts)

    def source_of(self, row: int) -> str:
        """Return the source address of a client; empty: the kernel chooses."""
        if not self.sources:
            return ""
        together = len(self.hosts) * max(host.shared for host in self.hosts)  # clients that reach each endpoint once
        return self.sources[row // together % len(self.sources)]


def address_text(endpoint: Endpoint) -> str:
    """Return `127.0.0.1:1883` or `[::1]:1883`."""
    return str(Address(*endpoint[1]))
