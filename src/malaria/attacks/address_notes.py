"""Say in the report which addresses of a name the clients connect to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from malaria.model.attack_table import Spread
from malaria.transport.route import Endpoint, Route, TargetHost, address_text


def address_notes(route: Route, unreached: Mapping[Endpoint, str]) -> Iterator[str]:
    """Yield a sentence for each host that has, or had, several addresses. `unreached` has those left out, and why."""
    for host in route.hosts:
        if len(host.endpoints) > 1:
            yield f"{host.address.host} has {len(host.endpoints)} addresses: {_use(host)}"
        for endpoint in sorted(host.unused):
            yield f"{host.address.host}: {address_text(endpoint)} was left out before the load: {unreached[endpoint]}"


def used_addresses(routes: Iterable[Route]) -> tuple[str, ...]:
    """Return the addresses that clients of a name begin with; nothing for a target that is one numeric address."""
    endpoints = (endpoint for route in routes if route.ambiguous for endpoint in route.shared_endpoints)
    return tuple(dict.fromkeys(map(address_text, endpoints)))


def _use(host: TargetHost) -> str:
    texts = [address_text(endpoint) for endpoint in host.endpoints]
    first, others = ", ".join(texts[: host.shared]), ", ".join(texts[host.shared :])
    if host.spread is Spread.FIRST or host.shared == 1:
        return f"clients connect to {first}, and to {others} if that fails"
    spread = f"clients take {first} in turn"
    return f"{spread}, and {others} if those fail" if others else f"{spread}, and the next one if theirs fails"
