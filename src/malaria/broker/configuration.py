"""What mosquitto is to be: listeners, security, limits; as frozen settings and as the text of its configuration.

Promises: pure text, the same for the same settings; each listener carries its own security (`per_listener_settings`);
no value can smuggle a further line in.
Does not promise that mosquitto takes it: what a version refuses, it says when it starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from malaria.errors import OperatorError

LOOPBACK: Final = "127.0.0.1"
PSK_HINT: Final = "malaria"
"""Any text does; but without one mosquitto does not look at the keys of a listener at all."""


@dataclass(frozen=True, slots=True)
class MosquittoListener:
    """One port that mosquitto listens on. TLS when it has a certificate or PSK keys, WebSocket when told so."""

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
    """One mosquitto. `persistence_file` None: what it holds is gone when it stops. Counts of 0 mean without limit.

    `further` are lines of its configuration as they are; those about a listener are about the last one.
    """

    listeners: tuple[MosquittoListener, ...]
    persistence_file: Path | None = None
    log_connections: bool = True
    sys_interval_s: int = 1
    max_queued_messages: int = 0
    max_inflight_messages: int | None = None
    user: str | None = None
    further: tuple[str, ...] = ()


def configuration_text(settings: MosquittoSettings) -> str:
    """The configuration file. Raises OperatorError for a value that would not stay on its line."""
    lines = [*_of_broker(settings)]
    for listener in settings.listeners:
        lines += ["", *_of_listener(listener)]
    text = [_line(key) for key in lines] + [""] + list(settings.further)
    return "\n".join(text).rstrip() + "\n"


def _of_broker(settings: MosquittoSettings) -> Iterator[str]:
    yield "per_listener_settings true"
    if settings.user is not None:
        yield f"user {settings.user}"
    yield f"sys_interval {settings.sys_interval_s}"
    yield f"max_queued_messages {settings.max_queued_messages}"
    if settings.max_inflight_messages is not None:
        yield f"max_inflight_messages {settings.max_inflight_messages}"
    yield f"connection_messages {_flag(settings.log_connections)}"
    yield from _persistence(settings.persistence_file)


def _persistence(file: Path | None) -> Iterator[str]:
    yield f"persistence {_flag(file is not None)}"
    if file is not None:
        yield f"persistence_location {file.parent}/"
        yield f"persistence_file {file.name}"


def _of_listener(listener: MosquittoListener) -> Iterator[str]:
    yield f"listener {listener.port} {listener.address}"
    if listener.websockets:
        if ":" not in listener.address:
            yield "socket_domain ipv4"  # without it libwebsockets binds [::], whatever the address says
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
"""mosquitto's key of a listener -> our field. `ciphers` is for TLS 1.2 and below."""


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _line(text: str) -> str:
    if any(not character.isprintable() for character in text):
        raise OperatorError(f"{text!r} cannot stand in a configuration of mosquitto", "give it without line breaks")
    return text
