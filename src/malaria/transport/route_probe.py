"""Try every address of a route with one careful client, before a load uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.probe import Answer, ProbeClient, probe
from malaria.transport.route import Endpoint, Route, TargetHost, address_text


@dataclass(frozen=True, slots=True)
class RouteAnswer:
    """The answer of a target. `unreached` has the addresses that took no TCP connection, with the reason."""

    answer: Answer
    unreached: Mapping[Endpoint, str] = field(default_factory=lambda: MappingProxyType({}))


def probe_route(setup: ConnectionSetup, client: ProbeClient, timeout_s: float) -> RouteAnswer:
    """Log in at each address of each host of the route, one after the other, with `timeout_s` for each.

    The target has a problem if an address takes the connection and then does not let the client in, or if no address of
    a host takes one. A single address of several that takes none is no problem: clients use the others.
    """
    first: Answer | None = None
    unreached: dict[Endpoint, str] = {}
    for host in setup.route.hosts:
        for endpoint in host.endpoints:
            answer = probe(endpoint, client, setup, timeout_s)
            if answer.problem and answer.reached:
                return RouteAnswer(_named(answer, setup.route, endpoint))
            if answer.problem:
                unreached[endpoint] = answer.problem
            else:
                first = first or answer
        if all(endpoint in unreached for endpoint in host.endpoints):
            return RouteAnswer(_nowhere(setup.route, host, unreached, answer.remedy))
    assert first is not None  # a route has a host, and a host an endpoint
    return RouteAnswer(first, unreached)


def _named(answer: Answer, route: Route, endpoint: Endpoint) -> Answer:
    if not route.ambiguous:
        return answer
    return replace(answer, problem=f"{answer.problem} ({address_text(endpoint)})")


def _nowhere(route: Route, host: TargetHost, unreached: Mapping[Endpoint, str], remedy: str) -> Answer:
    """Return the answer of a host at which no address takes a connection."""
    if not route.ambiguous:
        return Answer(unreached[host.endpoints[0]], remedy)
    causes = [f"{unreached[endpoint]} ({address_text(endpoint)})" for endpoint in host.endpoints]
    return Answer("; ".join(causes), remedy)
