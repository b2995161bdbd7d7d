"""Starts the observers of one target and collects their rows; chooses how the observer of `$SYS` logs in there."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malaria.model.access import Access
from malaria.model.observe import Observe
from malaria.model.target import WITH_PATH
from malaria.model.warhead import Warhead
from malaria.observe.observer_registry import ObserverContext, scheduled_observers
from malaria.observe.observer_threads import ObserverThreads
from malaria.observe.sys_topics import SysAccess
from malaria.plan.clients import Identity, make_plan
from malaria.records.rows import Event, Observation
from malaria.records.run_meta import ObserverFacts
from malaria.schedule.share import WHOLE
from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.route import Endpoint, Route
from malaria.transport.socket_address import socket_address


@dataclass(frozen=True, slots=True)
class ObservedTarget:
    """The target to observe: what to observe of it, its clients, the route to it, and the directory of a recording.

    `makes_load` tells that this machine makes the load, so that its other programs are observed too.
    """

    wanted: Observe
    warhead: Warhead
    route: Route
    directory: Path | None = None
    makes_load: bool = False


class TargetObservers:
    """The observers of one target. They are made before the load begins, so that mistakes are reported early."""

    def __init__(self, target: ObservedTarget, clock: Callable[[], int]) -> None:
        """`clock` gives nanoseconds of run time. Raises OperatorError for what cannot be observed of this target."""
        self._measured_from_ns: int | None = None
        context = ObserverContext(
            access=sys_access(target),
            local=is_local(target.route.endpoints[0]),
            directory=target.directory,
            makes_load=target.makes_load,
            measured_from=lambda: self._measured_from_ns,
        )
        self._threads = ObserverThreads(scheduled_observers(target.wanted, context), clock)

    def start(self) -> None:
        self._threads.start()

    def take_rows(self, measured_from_ns: int | None = None) -> list[Observation | Event]:
        """Return the rows since the last call. The argument is the run time at which measuring began, if it has."""
        self._measured_from_ns = measured_from_ns
        return self._threads.drain()

    def outstanding_ns(self, since_ns: int) -> int:
        """Return how long it may take until the target's counters cover the time up to `since_ns`; 0: they do."""
        return self._threads.outstanding_ns(since_ns)

    def account(self) -> tuple[ObserverFacts, ...]:
        """Return the state of every observer: its samples, gaps, and why it sees nothing."""
        return self._threads.account()

    def stop(self) -> tuple[ObserverFacts, ...]:
        """Stop the observers and return their final state; one more `take_rows` gets their last rows."""
        return self._threads.stop()


def sys_access(target: ObservedTarget) -> SysAccess:
    """Return how to log in: as the first client of the first group, except for what `[observe.sys]` sets."""
    own = target.wanted.sys if isinstance(target.wanted.sys, Access) else Access()
    group = target.warhead.groups[0]
    access = target.warhead.access_of(group).overridden(own)
    changes = {"target": access, "clients": 1}
    if own.username is not None:  # the group's login would take precedence over it
        changes |= {"username": None, "password": None}
    warhead = target.warhead.model_copy(
        update={"groups": (group.model_copy(update=changes),), "surges": (), "changes": ()}
    )
    setup = ConnectionSetup(make_plan(warhead, WHOLE, Identity("", 0, 0)).groups[0], target.route, warhead)
    username, password = setup.credentials.login_at(0)
    return SysAccess(
        host=target.route.hosts[0].address.host,
        port=target.route.endpoints[0][1][1],
        # an id of its own: with a client's id the broker would throw that client out
        client_id=f"malaria-observer-{secrets.token_hex(4)}",
        username=username,
        password=password,
        context=_context(setup),
        path=target.route.path if target.route.scheme in WITH_PATH else None,
        headers=access.headers,
    )


def is_local(endpoint: Endpoint) -> bool:
    """Return whether an address belongs to this machine: loopback, or one that a local socket can bind."""
    family, (host, _) = endpoint
    if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        return True
    # UDP: the port need not be free, and nothing is sent
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind(socket_address(host, 0))
        return True
    return False


class _NamedContext:
    """A TLS context that always uses its own server name, whatever name the caller passes."""

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self.check_hostname = context.check_hostname
        self._context = context
        self._name = name

    def wrap_socket(self, sock: socket.socket, **options: Any) -> ssl.SSLSocket:
        return self._context.wrap_socket(sock, **options | {"server_hostname": self._name or None})


def _context(setup: ConnectionSetup) -> Any:
    lasting = setup.lasting_context()
    return None if lasting is None else _NamedContext(*lasting)
