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

from malaria.model.target import SECURE, WITH_PATH
from malaria.model.warhead import Warhead
from malaria.plan.clients import GroupPlan, Plan
from malaria.plan.credentials import Credentials, load_credentials
from malaria.transport.failures import CLOSED, ERRORS, SILENT_ENDS
from malaria.transport.route import Route
from malaria.transport.stream import Lower, Negotiation, Stage
from malaria.transport.tls import TlsClients, TlsIdentity
from malaria.transport.websocket import Upgrade

HANG_UPS: Final = frozenset({CLOSED, ERRORS[errno.ECONNRESET][0], ERRORS[errno.EPIPE][0]})


class ConnectionSetup:
    """How the clients of one group get in, and who each of them is."""

    def __init__(self, plan: GroupPlan, route: Route, warhead: Warhead) -> None:
        """Raises OperatorError for what can be known beforehand to fail."""
        access = warhead.access_of(plan.group)
        self.plan = plan
        self._route = route
        self._access = access
        self.credentials: Credentials = load_credentials(
            access, plan.group, warhead.clients_of(plan.group), plan.identity.name
        )
        self._tls = TlsClients(access) if route.scheme in SECURE else None
        self._sessions: dict[int, ssl.SSLSession] = {}

    @property
    def plain(self) -> bool:
        """True if MQTT begins as soon as TCP stands."""
        return self._tls is None and self._route.scheme not in WITH_PATH

    def way_of(self, client: int) -> tuple[int, tuple[str, int], str]:
        """(family, target address, source address or nothing): targets are taken in turn by all clients of all workers,
        source addresses, which belong to a host, by those of this worker: their numbers may have a common divisor.
        """
        family, address = self._route.endpoints[self._route.place_of(self._number(client))]
        return family, address, self._route.source_of(client)

    def begin(self, client: int, sock: socket.socket) -> Negotiation:
        """The first stage after TCP. Not for a plain way. `sock` may be taken over."""
        if self._tls is None:
            return self._upgrade(client, sock, sock)
        return self._tls.handshake(sock, self._identity(client))

    def next(self, client: int, done: Negotiation) -> Negotiation | None:
        """The stage after a finished one."""
        if done.stage is Stage.TLS and self._route.scheme in WITH_PATH:
            return self._upgrade(client, done.sock, done.stream)
        return None

    def keep_session(self, client: int, sock: socket.socket) -> None:
        """A connection ends: its TLS session may shorten the client's next handshake."""
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
        place = self._route.place_of(self._number(client))
        host, port = self._route.names[place], self._route.endpoints[place][1][1]
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return Upgrade(sock, lower, authority, self._route.path, self._access.headers)

    def _identity(self, client: int) -> TlsIdentity:
        index = self._index(client)
        name = self._access.server_name or self._route.names[self._route.place_of(self._number(client))]
        key = self.credentials.psk_at(index)
        if key is not None and _is_address(name):
            name = ""  # nothing to verify, and SNI is for names only (RFC 6066, 3)
        return TlsIdentity(key, self.credentials.certificate_at(index), name, self._sessions.pop(client, None))

    def _index(self, client: int) -> int:
        return int(self.plan.members[client - self.plan.first_row])

    def _number(self, client: int) -> int:
        return self.plan.first_number + self._index(client)


def setups_of(plan: Plan, routes: Mapping[str, Route]) -> tuple[ConnectionSetup, ...]:
    """The setup of each client of a worker. Raises OperatorError for a way that cannot work."""
    setups = [ConnectionSetup(group, routes[group.group.name], plan.warhead) for group in plan.groups]
    return tuple(setup for setup in setups for _ in range(setup.plan.count))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
