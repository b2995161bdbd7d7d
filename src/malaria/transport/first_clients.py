"""Let one client of each different way in to a target, before thousands come.

It is tried where the load is made: on this machine, or on a bee that reaches a target which this machine does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from malaria.errors import TargetError, UnreachedTargetError
from malaria.model.access import Access
from malaria.model.group import Group
from malaria.model.target import Target
from malaria.model.warhead import Warhead
from malaria.mqtt.packets import Protocol
from malaria.plan.clients import GroupPlan, Identity, make_plan
from malaria.schedule.share import Share
from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.probe import ProbeClient, patience_s
from malaria.transport.route import Endpoint, Route
from malaria.transport.route_probe import probe_route
from malaria.units import format_count


@dataclass(frozen=True, slots=True)
class LetIn:
    """The version that the target states, how clients get in (sentences), and addresses that took no connection."""

    version: str | None
    notes: tuple[str, ...]
    unreached: Mapping[Endpoint, str]


@dataclass(frozen=True, slots=True)
class Doors:
    """The groups of a load and the ways to their targets, both by the name of the group."""

    warhead: Warhead
    share: Share
    identity: Identity
    routes: Mapping[str, Route]
    targets: Mapping[str, Target]


def let_first_clients_in(doors: Doors) -> LetIn:
    """Connect one client of each different way in to each address.

    Raises UnreachedTargetError when no address takes a connection, TargetError when the target refuses a client, and
    OperatorError for files of a group that cannot be used or are too short.
    """
    warhead = doors.warhead
    checked: list[tuple[Access, Route, Group | None]] = []
    notes: list[str] = []
    unreached: dict[Endpoint, str] = {}
    wait_s = patience_s(warhead.attack)
    version = None
    for plan in make_plan(warhead, doors.share, doors.identity).groups:
        access, route = warhead.access_of(plan.group), doors.routes[plan.group.name]
        setup = ConnectionSetup(plan, route, warhead)
        # an MQTT 5 broker states its limits, and each group may ask for something that they exclude
        asked = access, route, plan.group if plan.protocol is Protocol.V5 else None
        if asked in checked or not plan.count:
            continue
        checked.append(asked)
        found = probe_route(setup, first_client(setup), wait_s)
        answer = found.answer
        if answer.problem:
            error = TargetError if answer.reached else UnreachedTargetError
            raise error(f"{doors.targets[plan.group.name]}: {answer.problem}{_first_of(plan)}", answer.remedy)
        unreached |= found.unreached
        version = version or answer.version
        notes += _notes(plan.group.name, access, answer.way)
    return LetIn(version, tuple(dict.fromkeys(notes)), unreached)


def first_client(setup: ConnectionSetup) -> ProbeClient:
    """Return the first client of a group, without its name if a stored session may wait for that name."""
    plan = setup.plan
    client_id = plan.client_id(0) if plan.group.clean_start else ""
    return ProbeClient(client_id, *setup.credentials.login_at(0), plan.protocol)


def _first_of(plan: GroupPlan) -> str:
    """Name the client that was tried; the rest of the group was not."""
    return f" (tried with the first of {format_count(plan.count)} {plan.group.name})" if plan.count > 1 else ""


def _notes(group: str, access: Access, way: str) -> Iterator[str]:
    """Yield how a group gets in, for the report; nothing for a plain connection."""
    if not way:
        return
    each = "one pre-shared key for each client" if access.psk_file else "one pre-shared key" if access.uses_psk else ""
    yield f"{group} come in over {way}" + (f", with {each}" if each else "")
    if access.insecure:
        yield f"the broker's certificate was not verified for {group} (--insecure)"
