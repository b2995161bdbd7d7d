"""Look up the addresses of the target's names, and make the routes of a load from them.

A lookup is a plain function, `LookUp`, which everything here takes as an argument: tests have no name server.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from malaria.errors import UnreachedTargetError
from malaria.model.attack_table import Spread
from malaria.model.target import Address, Target
from malaria.model.warhead import Warhead
from malaria.transport.host_limits import check_limits
from malaria.transport.poller import check_system
from malaria.transport.route import Endpoint, Route, TargetHost
from malaria.transport.socket_address import numeric_host
from malaria.transport.source_addresses import choose_sources, family_of

type LookUp = Callable[[Address], Sequence[Endpoint]]
"""Returns the endpoints of an address, in the order of the system. Raises OSError for an unknown name. May block."""


def system_look_up(address: Address) -> list[Endpoint]:
    """Ask the system's resolver: the hosts file, then name servers."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    return [(int(family), (numeric_host(sockaddr), int(sockaddr[1]))) for family, _, _, _, sockaddr in found]


def resolve(
    address: Address, spread: Spread = Spread.EVEN, family: int | None = None, look_up: LookUp = system_look_up
) -> TargetHost:
    """Look up one address of the target. IPv4 comes first; with `family`, other families are left out.

    The endpoints of one family keep the system's order for `Spread.FIRST`, and are sorted for `Spread.EVEN`: name
    servers rotate their answers, and all workers must spread their clients alike.

    Raises TargetError for an unknown name.
    """
    try:
        found = list(dict.fromkeys(look_up(address)))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreachedTargetError(
            f"unknown host {address.host!r}: {reason}", "check the spelling and the name server, or give an IP address"
        ) from None
    of_family = [endpoint for endpoint in found if family in (None, endpoint[0])] or found
    if spread is Spread.EVEN:
        of_family.sort()
    of_family.sort(key=_is_not_ipv4)
    return TargetHost(address, tuple(of_family), spread, family)


def route_to(
    target: Target,
    sources: Sequence[str] = (),
    spread: Spread = Spread.EVEN,
    look_up: LookUp = system_look_up,
) -> Route:
    """Return the route to a target. Raises TargetError for an unknown name."""
    find = partial(resolve, spread=spread, family=family_of(sources), look_up=look_up)
    return Route(tuple(map(find, target.addresses)), tuple(sources), target.scheme, target.path)


def routes_of(
    warhead: Warhead, targets: Mapping[str, Target], clients: int, workers: int, look_up: LookUp = system_look_up
) -> dict[str, Route]:
    """Return the route of each group from this host, for so many clients of them all on so many workers.

    Raises TargetError for an unknown name, HostLimitError where this is not Linux, or descriptors or ports
    cannot suffice, OperatorError for a source address that this host does not have.
    """
    check_system()
    attack = warhead.attack
    wanted, known = attack.source_addresses, dict.fromkeys(targets.values())
    found = {target: route_to(target, wanted, attack.spread, look_up) for target in known}
    endpoints = sorted({endpoint for route in found.values() for endpoint in route.shared_endpoints})
    sources = choose_sources(wanted, endpoints, clients)
    check_limits(clients, workers, endpoints, sources)
    return {name: replace(found[target], sources=sources) for name, target in targets.items()}


def _is_not_ipv4(endpoint: Endpoint) -> bool:
    return endpoint[0] != socket.AF_INET
