"""Check before an attack: names resolve, limits hold, files can be used, and the target lets clients in."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from malaria.attacks.address_notes import address_notes
from malaria.attacks.followers import Follower
from malaria.clock import now_ns
from malaria.errors import HostLimitError, TargetError, UnreachedTargetError, WarheadError
from malaria.model.access import Access
from malaria.model.attack_table import Spread
from malaria.model.group import Group
from malaria.model.observe import Observe
from malaria.model.placeholders import RUN_NAME_CHARS
from malaria.model.target import SECURE, Target, parse_target
from malaria.model.warhead import Warhead
from malaria.observe.target_observers import ObservedTarget, TargetObservers
from malaria.plan.clients import Identity, make_plan
from malaria.plan.credentials import load_credentials
from malaria.plan.highest_rate import highest_rate
from malaria.plan.reserves import with_reserves, without_reserves
from malaria.plan.surge_schedule import clients_planned
from malaria.records.run_meta import RunMeta
from malaria.records.staircase import Staircase
from malaria.schedule.pacing import MOST_PER_S
from malaria.schedule.payload import check_source
from malaria.schedule.share import WHOLE
from malaria.swarm.run.bee_messages import Knocked
from malaria.swarm.run.launcher import Launcher
from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.first_clients import Doors, first_client, let_first_clients_in
from malaria.transport.host_limits import check_memory
from malaria.transport.probe import Answer
from malaria.transport.resolver import route_to, routes_of
from malaria.transport.route import Route, TargetHost
from malaria.transport.route_probe import probe_route
from malaria.units import format_rate, format_things
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
    knock_from: str | None = None  # the bee that looks at the target first; None: this machine, or the first bee
    staircase: Staircase | None = None  # the steps of a load that climbs until the target breaks
    wait_for_figures: bool = True  # at the end, for the broker's first figures from after the load
    followers: Sequence[Follower] = ()  # who see each row while the attack runs
    unsteerable: str = ""  # why no hand may change the load; empty: it may

    @property
    def steerable(self) -> bool:
        """Tell whether the load may be changed by hand."""
        return self.staircase is None and not self.unsteerable

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
    warhead = with_reserves(request.warhead) if request.steerable else without_reserves(request.warhead)
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
        routes = {name: _way_from_here(target, spread) for name, target in targets.items()}
    name = secrets.token_hex(RUN_NAME_CHARS // 2)
    seed = secrets.randbits(32) if warhead.attack.seed is None else warhead.attack.seed
    identity = Identity(name, secrets.randbits(16), seed, _identities(warhead))
    return Load(warhead, identity, routes, now_ns())


def _way_from_here(target: Target, spread: Spread) -> Route:
    """Return the route to a target of bees. A name that is unknown here may be known to them: it stays a name."""
    try:
        return route_to(target, spread=spread)
    except UnreachedTargetError:
        hosts = (TargetHost(one, ((socket.AF_INET, (one.host, one.port)),), spread) for one in target.addresses)
        return Route(tuple(hosts), (), target.scheme, target.path)


def check_rate(warhead: Warhead, workers: int) -> None:
    """Raise HostLimitError if the groups are ever due together more often than the workers can ever send."""
    per_s = highest_rate(warhead)
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
    return lambda wait_s: probe_route(setups[0], first_client(setups[0]), wait_s).answer


def _identities(warhead: Warhead) -> dict[str, tuple[str, ...]]:
    """Return the identities of groups that use `{identity}` in topics or names: they come from the file of keys."""
    identities: dict[str, tuple[str, ...]] = {}
    for group in warhead.groups:
        if group.uses_identity:
            clients = warhead.dealt_to(group)
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

    Raises UnreachedTargetError when this machine does not reach the target, TargetError when the target refuses a
    client, and OperatorError for files of a group that cannot be used or are too short.
    """
    found = let_first_clients_in(Doors(request.warhead, WHOLE, load.identity, load.routes, request.targets))
    unreached = found.unreached
    routes = {name: route.without(unreached.keys()) for name, route in load.routes.items()}
    notes = [*found.notes]
    notes += [note for route in dict.fromkeys(routes.values()) for note in address_notes(route, unreached)]
    if request.launcher is None and (note := _memory_note(request.warhead)):
        notes.append(note)
    return TargetInfo(found.version, tuple(dict.fromkeys(notes)), routes)


def seen_from_bee(load: Load, knocked: Knocked, reason: str) -> TargetInfo:
    """Return what a bee found at the target, and why it and not this machine was asked (empty: it was stated)."""
    why = f", which this machine does not reach ({reason})," if reason else ""
    first = f"the target{why} was first looked at from {knocked.bee}"
    return TargetInfo(knocked.version, (first, *knocked.notes), load.routes)


def view_of(request: AttackRequest, load: Load) -> ObservedTarget:
    """Return what to observe and the route there: `[observe.sys]` may name another listener of the broker."""
    sys = request.observe.sys
    route = load.routes[request.warhead.groups[0].name]
    if isinstance(sys, Access) and sys.url is not None:
        route = route_to(parse_target(sys.url))
    return ObservedTarget(
        request.observe, request.warhead, route, request.directory, makes_load=request.launcher is None
    )
