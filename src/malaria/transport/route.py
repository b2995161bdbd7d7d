"""The way from this host to a broker: addresses, scheme, names, sources."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.model.target import Scheme

type Endpoint = tuple[int, tuple[str, int]]
"""(address family, (numeric host, port))"""


@dataclass(frozen=True, slots=True)
class Route:
    """Where clients connect to and how, and from which addresses (none: as the kernel likes).

    Endpoints and sources are taken in turn. `names` are the endpoints as the operator wrote them: what a certificate is
    verified against.
    """

    endpoints: tuple[Endpoint, ...]
    sources: tuple[str, ...] = ()
    scheme: Scheme = Scheme.MQTT
    names: tuple[str, ...] = ()
    path: str = ""

    def place_of(self, number: int) -> int:
        """Which endpoint the client of this number connects to."""
        return number % len(self.endpoints)

    def source_of(self, row: int) -> str:
        """Return the source address of a client; empty: the kernel chooses."""
        return self.sources[row // len(self.endpoints) % len(self.sources)] if self.sources else ""
