"""The settings of a mosquitto (listeners, security, limits), and the text of its configuration file.

Promises: pure; the same settings give the same text. Every listener has its own security (`per_listener_settings`). No
value can add a further line. Does not promise that mosquitto accepts it: a version that does not reports it at start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from malaria.errors import OperatorError

LOOPBACK: Final = "127.0.0.1"
PSK_HINT: Final = "malaria"
"""Any text will do; without a hint mosquitto ignores the keys of a listener."""


@dataclass(frozen=True, slots=True)
class MosquittoListener:
    """One port that mosquitto listens on. With a certificate or PSK keys it speaks TLS."""

    port: int
    address: str = LOOPBACK
    name: str = ""
    websockets: bool = False
    cafile: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    require_certificate: bool = False
    identity_as_username: bool = False
    psk_file: Path | None = None
    tls_version: str | None = None
    ciphers: str | None = None
    allow_anonymous: bool = True
    password_file: Path | None = None
    acl_file: Path | None = None
    max_connections: int | None = None

    @property
    def encrypted(self) -> bool:
        return self.certfile is not None or self.psk_file is not None


@dataclass(frozen=True, slots=True)
class MosquittoSettings:
    """The settings of one mosquitto. Without a `persistence_file` it keeps nothing on disk. A count of 0 is no limit.

    `further` are lines of its configuration, copied as they are; lines about a listener apply to the last one.
    """

    listeners: tuple[MosquittoListener, ...] = ()
    persistence_file: Path | None = None
    log_connections: bool = True
    sys_interval_s: int = 1
    max_queued_messages: int = 0
    max_inflight_messages: int | None = None
    tcp_nodelay: bool = False
    user: str | None = None
    further: tuple[str, ...] = ()


def configuration_text(settings: MosquittoSettings) -> str:
    """Return the configuration file. Raises OperatorError for a value that contains a line break."""
    lines = [*_broker_lines(settings)]
    for listener in settings.listeners:
        lines += ["", *_listener_lines(listener)]
    text = [_line(key) for key in lines] + [""] + list(settings.further)
    return "\n".join(text).rstrip() + "\n"


def queue_limit(text: str | None) -> int | None:
    """Return how many messages a mosquitto with this configuration keeps for a client: 0 no limit, None unknown."""
    words = [line.split() for line in (text or "").splitlines()]
    stated = [line[1] for line in words if len(line) == 2 and line[0] == "max_queued_messages"]
    return int(stated[-1]) if stated and stated[-1].isdigit() else None


def _broker_lines(settings: MosquittoSettings) -> Iterator[str]:
    # first: mosquitto refuses it after a setting of security
    yield "per_listener_settings true"
    if settings.user is not None:
        yield f"user {settings.user}"
    yield f"sys_interval {settings.sys_interval_s}"
    # written even if 0, no limit: mosquitto's own default of 1,000 would drop messages of a burst
    yield f"max_queued_messages {settings.max_queued_messages}"
    if settings.max_inflight_messages is not None:
        yield f"max_inflight_messages {settings.max_inflight_messages}"
    if settings.tcp_nodelay:
        yield "set_tcp_nodelay true"
    yield f"connection_messages {_flag(settings.log_connections)}"
    yield from _persistence_lines(settings.persistence_file)


def _persistence_lines(file: Path | None) -> Iterator[str]:
    yield f"persistence {_flag(file is not None)}"
    if file is not None:
        yield f"persistence_location {file.parent}/"
        yield f"persistence_file {file.name}"


def _listener_lines(listener: MosquittoListener) -> Iterator[str]:
    yield f"listener {listener.port} {listener.address}"
    if listener.websockets:
        if ":" not in listener.address:
            yield "socket_domain ipv4"  # else libwebsockets binds [::], whatever the address is
        yield "protocol websockets"
    for key, value in _VALUES.items():
        if (found := getattr(listener, value)) is not None:
            yield f"{key} {found}"
    yield f"allow_anonymous {_flag(listener.allow_anonymous)}"
    if listener.require_certificate:
        yield "require_certificate true"
    if listener.psk_file is not None:
        yield f"psk_hint {PSK_HINT}"
    if listener.identity_as_username:
        yield "use_identity_as_username true"


_VALUES: Final = {
    "cafile": "cafile",
    "certfile": "certfile",
    "keyfile": "keyfile",
    "psk_file": "psk_file",
    "tls_version": "tls_version",
    "ciphers": "ciphers",
    "password_file": "password_file",
    "acl_file": "acl_file",
    "max_connections": "max_connections",
}
"""mosquitto's key of a listener -> field of MosquittoListener. `ciphers` is for TLS 1.2 and below."""


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _line(text: str) -> str:
    # a line break in a value would be a setting of its own
    if any(not character.isprintable() for character in text):
        raise OperatorError(
            f"{text!r} cannot be written to a configuration of mosquitto", "remove line breaks and control characters"
        )
    return text
