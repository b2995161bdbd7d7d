"""Routes without a lookup."""

from __future__ import annotations

import socket

from malaria.model.target import Address, Scheme
from malaria.transport.route import Endpoint, Route, TargetHost


def endpoint_of(host: str, port: int) -> Endpoint:
    """Return a numeric address as an endpoint."""
    return int(socket.AF_INET6 if ":" in host else socket.AF_INET), (host, port)


def host_at(name: str, port: int, *addresses: str) -> TargetHost:
    """Return the host of this name with these numeric addresses; without any, the name is one."""
    return TargetHost(Address(name, port), tuple(endpoint_of(one, port) for one in addresses or (name,)))


def route_at(host: str, port: int, *sources: str) -> Route:
    """Return the plain route to one numeric address."""
    return Route((host_at(host, port),), sources, Scheme.MQTT)
