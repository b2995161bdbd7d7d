"""Checks, before a load is made, what would make it fail: the limits of this machine, and the target.

Promises: a check changes nothing and takes seconds; what cannot be read is reported as unknown, never as good.
"""

from __future__ import annotations

from malaria.doctor.finding import DoctorFinding, Status
from malaria.doctor.host_checks import HostLimits, examine_host
from malaria.doctor.need import need_for
from malaria.doctor.target_checks import examine_target
from malaria.errors import TargetError
from malaria.model.target import SECURE, Target
from malaria.model.warhead import Warhead
from malaria.transport.resolver import route_to
from malaria.transport.source_addresses import choose_sources

__all__ = ["DoctorFinding", "HostLimits", "Status", "examine"]


def examine(
    target: Target | None, warhead: Warhead, workers: int, host: HostLimits | None = None
) -> list[DoctorFinding]:
    """Run every check of this machine and the target for the clients of a warhead and a number of workers."""
    host = host or HostLimits()
    clients = sum(group.clients for group in warhead.groups)
    if target is None:
        return examine_host(host, need_for(clients, workers))
    secure = target.scheme in SECURE
    try:
        route = route_to(target, spread=warhead.attack.spread)
    except TargetError as error:
        unknown = DoctorFinding("target's name", error.message, "an address", Status.BAD, error.remedy)
        return [*examine_host(host, need_for(clients, workers, secure=secure)), unknown]
    endpoints = route.shared_endpoints
    need = need_for(clients, workers, endpoints, choose_sources((), endpoints, clients), secure=secure)
    return [*examine_host(host, need), *examine_target(host, route, warhead, need)]
