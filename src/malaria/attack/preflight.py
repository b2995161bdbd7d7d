"""Check before an attack: names resolve, limits hold, files can be used, and the target lets clients in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from malaria.attack.address_notes import address_notes
from malaria.clock import now_ns
from malaria.errors import HostLimitError, TargetError, WarheadError
from malaria.model.access import Access
from malaria.model.group import Group
from malaria.model.observe import Observe
from malaria.model.placeholders import RUN_NAME_CHARS
from malaria.model.target import SECURE, Target, parse_target
from malaria.model.warhead import Warhead
from malaria.mqtt.packets import Protocol
from malaria.observe.target_observers import ObservedTarget, TargetObservers
from malaria.plan.clients import GroupPlan, Identity, make_plan
from malaria.plan.credentials import load_credentials
from malaria.plan.surge_schedule import clients_planned
from malaria.records.run_meta import RunMeta
from malaria.records.staircase import Staircase
from malaria.schedule.pacing import MOST_PER_S
from malaria.schedule.payload import check_source
from malaria.schedule.share import WHOLE
from malaria.swarm.run.launcher import Launcher
from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.host_limits import check_memory
from malaria.transport.probe import Answer, ProbeClient, patience_s
from malaria.transport.resolver import route_to, routes_of
from malaria.transport.route import Endpoint, Route
from malaria.transport.route_probe import probe_route
from malaria.units import format_count, format_rate, format_things
from malaria.workers.local import Load


def no_news() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class AttackRequest:
    """One attack to make: a warhead against a target, once.

    `facts` are stored with those that the attack finds itself. `news` returns what happened to the broker since the
    last call, if malaria started it: a sentence for each mark in the charts.
    """

    target: Target
    warhead: Warhead = field(repr=False)
    directory: Path
    workers: int
    command: str  # to repeat it; without secrets
    title: str
    observe: Observe = field(default_factory=Observe)
    facts: RunMeta = field(default_factory=RunMeta)
    news: Callable[[], Sequence[str]] = no_news
    launcher: Launcher | None = None  # where the bees are; None: this machine makes the load
    staircase: Staircase | None = None  # the steps of a load that climbs until the target breaks
    wait_for_figures: bool = True  # at the end, for the broker's first figures from after the load

    @property
    def targets(self) -> dict[str, Target]:
        """The target of each group, by its name."""
        return {group.name: self.target_of(group) for group in self.warhead.groups}

    def target_of(self, group: Group) -> Target:
        """Return the group's own target, or else that of the attack."""
        return self.target if group.target.url is None else parse_target(group.target.url)


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """The version that the target states, and how clients get in (sentences for the report).

    `routes` has the route of each group, by name, without addresses that did not answer.
    """

    version: str | None
    notes: tuple[str, ...]
    routes: Mapping[str, Route] = field(default_factory=dict)


def prepare(request: AttackRequest) -> Load:
    """Resolve names and check limits of this host. Raises OperatorError."""
    warhead = request.warhead
    clients = clients_planned(warhead)
    targets = request.targets
    _check_tls(warhead, targets)
    if request.launcher is None:
        check_rate(warhead, request.workers)
        _memory_note(warhead)
        for group in warhead.publishing:  # bees may have functions that this machine has not
            if not group.generated:
                check_source(group.payload)
        routes = routes_of(warhead, targets, clients, request.workers)
    else:  # for the one client that checks the target; each bee resolves names itself
        spread = warhead.attack.spread
        routes = {name: route_to(target, spread=spread) for name, target in targets.items()}
    name = secrets.token_hex(RUN_NAME_CHARS // 2)
    seed = secrets.randbits(32) if warhead.attack.seed is None else warhead.attack.seed
    identity = Identity(name, secrets.randbits(16), seed, _identities(warhead))
    return Load(warhead, identity, routes, now_ns())


def check_rate(warhead: Warhead, workers: int) -> None:
    """Raise HostLimitError if the groups together are due more often than the workers can ever send."""
    per_s = sum(group.clients / group.interval for group in warhead.publishing if not group.closed_loop)
    most = workers * MOST_PER_S
    if per_s > most:
        raise HostLimitError(
            f"the load is {format_rate(float(per_s), 'msg')}; {format_things(workers, 'worker')} of this host can be "
            f"asked for at most {format_rate(most, 'msg')}",
            "lower the rate or the number of clients",
        )


def _memory_note(warhead: Warhead) -> str:
    """Return what memory the in-flight windows take, if it is much. Raises HostLimitError if there is not so much."""
    windows = {group.name: warhead.clients_of(group) * group.inflight for group in warhead.publishing if group.qos}
    return check_memory(windows, psutil.virtual_memory().available)


def dry_run(request: AttackRequest) -> Callable[[float], Answer]:
    """Check without the target whether the attack can be made: names, limits, files, observers.

    Return a function that connects the first client, within the seconds that it is given. Raises OperatorError.
    """
    load = prepare(request)
    TargetObservers(view_of(request, load), lambda: 0)
    plans = make_plan(request.warhead, WHOLE, load.identity).groups
    setups = [ConnectionSetup(plan, load.routes[plan.group.name], request.warhead) for plan in plans]
    return lambda wait_s: probe_route(setups[0], _probe_client(setups[0]), wait_s).answer


def _identities(warhead: Warhead) -> dict[str, tuple[str, ...]]:
    """Return the identities of groups that use `{identity}` in topics or names: they come from the file of keys."""
    identities: dict[str, tuple[str, ...]] = {}
    for group in warhead.groups:
        if group.uses_identity:
            clients = warhead.clients_of(group)
            credentials = load_credentials(warhead.access_of(group), group, clients, "")
            identities[group.name] = tuple(credentials.identity_at(index) for index in range(clients))
            if not all(identities[group.name]):
                raise WarheadError(
                    f"group {group.name} uses {{identity}} but has no file of keys", "give --psk-file FILE"
                )
    return identities


def _check_tls(warhead: Warhead, targets: Mapping[str, Target]) -> None:
    """Refuse TLS keys when no target uses TLS: the mistake would go unnoticed."""
    stated = [key for group in warhead.groups for key in warhead.access_of(group).tls_keys]
    if stated and not any(target.scheme in SECURE for target in targets.values()):
        target = next(iter(targets.values()))
        raise TargetError(
            f"{stated[0]} needs TLS, and {target} does not use it", "write mqtts:// (or wss://) before the host"
        )


def check_target(request: AttackRequest, load: Load) -> TargetInfo:
    """Connect one client of each different way in to each address, before thousands come.

    Raises TargetError when the target refuses it, and OperatorError for files of a group that cannot be used or are
    too short.
    """
    checked: list[tuple[Access, Route, Group | None]] = []
    notes: list[str] = []
    unreached: dict[Endpoint, str] = {}
    wait_s = patience_s(request.warhead.attack)
    version = None
    for plan in make_plan(request.warhead, WHOLE, load.identity).groups:
        access, route = request.warhead.access_of(plan.group), load.routes[plan.group.name]
        setup = ConnectionSetup(plan, route, request.warhead)
        # an MQTT 5 broker states its limits, and each group may ask for something that they exclude
        asked = access, route, plan.group if plan.protocol is Protocol.V5 else None
        if asked in checked:
            continue
        checked.append(asked)
        found = probe_route(setup, _probe_client(setup), wait_s)
        answer = found.answer
        if answer.problem:
            raise TargetError(f"{request.target_of(plan.group)}: {answer.problem}{_first_of(plan)}", answer.remedy)
        unreached |= found.unreached
        version = version or answer.version
        notes += _notes(plan.group.name, access, answer.way)
    routes = {name: route.without(unreached.keys()) for name, route in load.routes.items()}
    notes += [note for route in dict.fromkeys(routes.values()) for note in address_notes(route, unreached)]
    if request.launcher is None and (note := _memory_note(request.warhead)):
        notes.append(note)
    return TargetInfo(version, tuple(dict.fromkeys(notes)), routes)


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


def _probe_client(setup: ConnectionSetup) -> ProbeClient:
    """Return the first client of a group, without its name if a stored session may wait for that name."""
    plan = setup.plan
    client_id = plan.client_id(0) if plan.group.clean_start else ""
    return ProbeClient(client_id, *setup.credentials.login_at(0), plan.protocol)


def view_of(request: AttackRequest, load: Load) -> ObservedTarget:
    """Return what to observe and the route there: `[observe.sys]` may name another listener of the broker."""
    sys = request.observe.sys
    route = load.routes[request.warhead.groups[0].name]
    if isinstance(sys, Access) and sys.url is not None:
        route = route_to(parse_target(sys.url))
    return ObservedTarget(request.observe, request.warhead, route, request.directory)
