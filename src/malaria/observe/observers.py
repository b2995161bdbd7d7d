"""The lookout of an attack: who observes the target, and how the observer of `$SYS` gets in there."""

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
from malaria.observe.observer_setup import ObserverContext, scheduled_observers
from malaria.observe.observer_threads import ObserverThreads
from malaria.observe.sys_topics import SysAccess
from malaria.plan.clients import Identity, make_plan
from malaria.records.rows import Event, Observation
from malaria.records.run_meta import ObserverFacts
from malaria.schedule.share import WHOLE
from malaria.transport.gateway import Gateway
from malaria.transport.route import Endpoint, Route


@dataclass(frozen=True, slots=True)
class ObservedTarget:
    """What is to be observed: the way to the target, whose clients the warhead has, and where a recording goes."""

    wanted: Observe
    warhead: Warhead
    route: Route
    directory: Path | None = None


class Observers:
    """The observers of one target. Made before there is load, so that what is wrong with them is said early."""

    def __init__(self, view: ObservedTarget, clock: Callable[[], int]) -> None:
        """`clock` gives nanoseconds of run time. Raises OperatorError for what cannot be observed of this target."""
        self._measured_from_ns: int | None = None
        scene = ObserverContext(
            access=sys_access(view),
            local=is_local(view.route.endpoints[0]),
            directory=view.directory,
            measured_from=lambda: self._measured_from_ns,
        )
        self._watching = ObserverThreads(scheduled_observers(view.wanted, scene), clock)

    def start(self) -> None:
        self._watching.start()

    def look(self, measured_from_ns: int | None = None) -> list[Observation | Event]:
        """What has been seen since the last look. From the argument on the measured time runs, if it does."""
        self._measured_from_ns = measured_from_ns
        return self._watching.drain()

    def outstanding_ns(self, since_ns: int) -> int:
        """How long it may yet take until the target has told of the time up to `since_ns`; 0: nothing is to come."""
        return self._watching.outstanding_ns(since_ns)

    def account(self) -> tuple[ObserverFacts, ...]:
        """How each observer has fared so far."""
        return self._watching.account()

    def stop(self) -> tuple[ObserverFacts, ...]:
        """Ends the observers and tells how each has fared; one more look gets their last rows."""
        return self._watching.stop()


def sys_access(view: ObservedTarget) -> SysAccess:
    """In as the first client of the first group, but for what `[observe.sys]` says otherwise; under its own name."""
    own = view.wanted.sys if isinstance(view.wanted.sys, Access) else Access()
    group = view.warhead.groups[0]
    access = view.warhead.access_of(group).overridden(own)
    told = {"target": access, "clients": 1}
    if own.username is not None:
        told |= {"username": None, "password": None}
    warhead = view.warhead.model_copy(update={"groups": (group.model_copy(update=told),), "surges": ()})
    gateway = Gateway(make_plan(warhead, WHOLE, Identity("", 0, 0)).groups[0], view.route, warhead)
    username, password = gateway.credentials.login_at(0)
    return SysAccess(
        host=view.route.names[0] if view.route.names else view.route.endpoints[0][1][0],
        port=view.route.endpoints[0][1][1],
        client_id=f"malaria-observer-{secrets.token_hex(4)}",
        username=username,
        password=password,
        context=_context(gateway),
        path=view.route.path if view.route.scheme in WITH_PATH else None,
        headers=access.headers,
    )


def is_local(endpoint: Endpoint) -> bool:
    """Whether an address is one of this machine: loopback, or one that a socket of ours can have."""
    family, (host, _) = endpoint
    if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        return True
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return True
    return False


class _NamedContext:
    """A TLS context that asks for a server by its own name for it, whatever name is called."""

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self.check_hostname = context.check_hostname
        self._context = context
        self._name = name

    def wrap_socket(self, sock: socket.socket, **options: Any) -> ssl.SSLSocket:
        return self._context.wrap_socket(sock, **options | {"server_hostname": self._name or None})


def _context(gateway: Gateway) -> Any:
    lasting = gateway.lasting_context()
    return None if lasting is None else _NamedContext(*lasting)
