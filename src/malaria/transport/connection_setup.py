"""The way in for the clients of one group: from a TCP connection through TLS and WebSocket, as the target wants it.

Promises: what cannot work (files, ciphers, too few keys) is refused when the setup is made, not client by client.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from typing import Final

from malaria.model.target import SECURE, WITH_PATH, Address
from malaria.model.warhead import Warhead
from malaria.plan.clients import GroupPlan, Plan
from malaria.plan.credentials import Credentials, load_credentials
from malaria.transport.failures import CLOSED, ERRORS, SILENT_ENDS
from malaria.transport.route import Route, TargetHost
from malaria.transport.stream import Lower, Negotiation, Stage
from malaria.transport.tls import TlsClients, TlsIdentity
from malaria.transport.websocket import Upgrade

HANG_UPS: Final = frozenset({CLOSED, ERRORS[errno.ECONNRESET][0], ERRORS[errno.EPIPE][0]})


class ConnectionSetup:
    """The steps by which the clients of one group connect, and the credentials of each."""

    def __init__(self, plan: GroupPlan, route: Route, warhead: Warhead) -> None:
        """Raises OperatorError for what can be known beforehand to fail."""
        access = warhead.access_of(plan.group)
        self.plan = plan
        self.route = route
        self._access = access
        self.credentials: Credentials = load_credentials(
            access, plan.group, warhead.dealt_to(plan.group), plan.identity.name
        )
        self._tls = TlsClients(access) if route.scheme in SECURE else None
        self._sessions: dict[int, ssl.SSLSession] = {}

    @property
    def plain(self) -> bool:
        """True if MQTT begins as soon as TCP stands."""
        return self._tls is None and self.route.scheme not in WITH_PATH

    @property
    def answers_in_bursts(self) -> bool:
        """True if several TLS records are likely to wait at once: those of a closed loop's acknowledgements."""
        group = self.plan.group
        return self._tls is not None and group.closed_loop and group.qos > 0 and group.inflight > 1

    def host_of(self, client: int) -> TargetHost:
        """Return the host that a client connects to: all clients of all workers take the target's hosts in turn."""
        return self.route.host_of(self._number(client))

    def turn_of(self, client: int) -> int:
        """Return the place of a client among those of its host."""
        return self.route.turn_of(self._number(client))

    def source_of(self, client: int) -> str:
        """Return the source address of a client; empty: the kernel chooses.

        The clients of this worker take them in turn, for they belong to this machine, as the hosts belong to all.
        """
        return self.route.source_of(client)

    def begin(self, client: int, sock: socket.socket) -> Negotiation:
        """Return the first stage after TCP. Not for a plain connection. `sock` may be taken over."""
        if self._tls is None:
            return self._upgrade(client, sock, sock)
        return self._tls.handshake(sock, self._identity(client))

    def next(self, client: int, done: Negotiation) -> Negotiation | None:
        """Return the stage after a finished one."""
        if done.stage is Stage.TLS and self.route.scheme in WITH_PATH:
            return self._upgrade(client, done.sock, done.stream)
        return None

    def keep_session(self, client: int, sock: socket.socket) -> None:
        """Keep the TLS session of a connection that ends: it may shorten the client's next handshake."""
        if self._tls is not None and self._tls.resumes and isinstance(sock, ssl.SSLSocket):
            session = sock.session
            if session is not None and session.has_ticket:
                self._sessions[client] = session

    def lasting_context(self) -> tuple[ssl.SSLContext, str] | None:
        """Make a TLS context with the first client's proof for one connection outside the engine, and the name to ask
        for. None for a way without TLS.
        """
        if self._tls is None:
            return None
        identity = self._identity(self.plan.first_row)
        return self._tls.lasting_context(identity), identity.server_name

    def cause_in_greeting(self, reason: str) -> str:
        """Return why a connection ended before CONNACK: in TLS 1.3 the broker judges our proof after the handshake."""
        if self._tls is None or reason not in HANG_UPS:
            return reason
        return SILENT_ENDS.get(self._tls.proof, reason)

    def _upgrade(self, client: int, sock: socket.socket, lower: Lower) -> Upgrade:
        address = self.host_of(client).address
        authority = str(Address(_without_zone(address.host), address.port))
        return Upgrade(sock, lower, authority, self.route.path, self._access.headers)

    def _identity(self, client: int) -> TlsIdentity:
        index = self._index(client)
        name = self._access.server_name or _without_zone(self.host_of(client).address.host)
        key = self.credentials.psk_at(index)
        if key is not None and _is_address(name):
            name = ""  # nothing to verify, and SNI is for names only (RFC 6066, 3)
        return TlsIdentity(key, self.credentials.certificate_at(index), name, self._sessions.pop(client, None))

    def _index(self, client: int) -> int:
        return int(self.plan.members[client - self.plan.first_row])

    def _number(self, client: int) -> int:
        return self.plan.first_number + self._index(client)


def setups_of(plan: Plan, routes: Mapping[str, Route]) -> tuple[ConnectionSetup, ...]:
    """Return the setup of each client of a worker. Raises OperatorError for a way that cannot work."""
    setups = [ConnectionSetup(group, routes[group.group.name], plan.warhead) for group in plan.parts]
    return tuple(setup for setup in setups for _ in range(setup.plan.count))


def _without_zone(host: str) -> str:
    """Return a host as others know it: the zone of a link-local address means something on this machine only."""
    return host.partition("%")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
