"""The tables `[broker]` and `[[broker.listener]]`: how a campaign starts, stops and cleans the broker.

Promises: each kind of broker has the keys that it needs, and no key that has no effect on it; defaults work on
a machine without configuration. Does not promise that files, units and hosts exist.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue

from malaria.clock import NS_PER_S
from malaria.model.faults import KeyPathError
from malaria.model.fields import TEXTS, DurationNs, Flag
from malaria.model.table import Table
from malaria.units import NotationError


class BrokerKind(StrEnum):
    """The way in which the broker is started."""

    NONE = "none"  # it runs already
    EMBEDDED = "embedded"  # the one that comes with malaria
    MOSQUITTO = "mosquitto"
    COMMAND = "command"
    SYSTEMD = "systemd"


class Clean(StrEnum):
    """The levels before which the broker is restarted without its stored messages."""

    EACH_LEVEL = "each-level"
    FIRST = "first"
    NEVER = "never"


class ListenerTransport(StrEnum):
    """The transport of a listener."""

    PLAIN = "plain"
    TLS = "tls"
    MTLS = "mtls"
    PSK = "psk"
    WS = "ws"
    WSS = "wss"


WITH_CERTIFICATE: Final = frozenset({ListenerTransport.TLS, ListenerTransport.MTLS, ListenerTransport.WSS})
WITH_NAMED_CLIENTS: Final = frozenset({ListenerTransport.PSK, ListenerTransport.MTLS})
CERTIFICATE_KEYS: Final = ("certificate", "key")
PSK_KEYS: Final = ("psk_file", "psk_clients")
LISTENER_FILES: Final = ("cafile", "certificate", "key", "psk_file", "password_file", "acl_file")
MOST_KEYS: Final = 1_000_000


def _command(value: Any) -> Any:
    """Split a text into words as a shell does, without expanding anything."""
    # a list is taken word by word: nothing in it is split again
    if not isinstance(value, str):
        return tuple(value) if isinstance(value, list) else value
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise NotationError(f"{value!r} is not a command: {error}", 'write ["program", "option"]') from None


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


type CommandLine = Annotated[tuple[str, ...], BeforeValidator(_command), WithJsonSchema(TEXTS)]
type Several = Annotated[tuple[str, ...], BeforeValidator(_several), WithJsonSchema(TEXTS)]


class ListenerTable(Table):
    """A listener of a mosquitto that the campaign configures."""

    kind: ListenerTransport = ListenerTransport.PLAIN
    """Transport of the listener."""
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """Name of the listener; by default its kind."""
    port: int = Field(default=0, strict=True, ge=0, le=65535)
    """Port; 0 takes a free one."""
    address: str = "127.0.0.1"
    """Address to listen on."""
    certificate: str | None = None
    """Server certificate (PEM)."""
    key: str | None = None
    """Private key of the server certificate (PEM)."""
    cafile: str | None = None
    """Authorities of the clients' certificates (PEM)."""
    psk_file: str | None = None
    """File of pre-shared keys, identity:hexkey on each line."""
    psk_clients: int | None = Field(default=None, strict=True, ge=1, le=MOST_KEYS)
    """Number of identities and keys to make, in place of psk_file."""
    tls_version: Literal["1.2", "1.3"] | None = None
    """TLS version."""
    ciphers: str | None = None
    """Ciphers of TLS 1.2."""
    password_file: str | None = None
    """Password file of mosquitto."""
    acl_file: str | None = None
    """Access rules of mosquitto."""
    identity_as_username: Flag = False
    """Take the PSK identity, or the name in the certificate, as user name."""
    max_connections: int | None = Field(default=None, strict=True, ge=1)
    """The most connections that the listener accepts."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, table: Any) -> Any:
        # pydantic refuses it with its place
        if not isinstance(table, Mapping):
            return table
        kind = table.get("kind", ListenerTransport.PLAIN)
        if not isinstance(kind, str):  # refused when the key is read
            return table
        # keys and certificates name the clients: the broker's access rules should see these names
        return {"name": kind, "identity_as_username": kind in WITH_NAMED_CLIENTS} | dict(table)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind in WITH_CERTIFICATE:
            for key in CERTIFICATE_KEYS:
                self._need(key, "a listener for TLS has a certificate and its key")
        else:
            self._refuse((*CERTIFICATE_KEYS, "cafile"), "belongs to a listener of kind tls, mtls or wss")
        if self.kind is ListenerTransport.MTLS:
            self._need("cafile", "the authority that signed the clients' certificates")
        if self.kind is ListenerTransport.PSK:
            self._check_psk()
        else:
            self._refuse(PSK_KEYS, "belongs to a listener of kind psk")
        return self

    @classmethod
    def adapt_schema(cls, schema: JsonSchemaValue) -> None:
        """Do not require the name: it defaults to the kind."""
        super().adapt_schema(schema)
        del schema["required"]

    def _check_psk(self) -> None:
        given = [key for key in PSK_KEYS if getattr(self, key) is not None]
        # without keys mosquitto ignores the listener, with two sources it would not be clear which one holds
        if len(given) != 1:
            message = "cannot be used with psk_file: both state the keys" if given else "is missing"
            raise KeyPathError("psk_clients", message, "write psk_clients = 3000 to have keys made, or psk_file = ...")

    def _need(self, key: str, remedy: str) -> None:
        if getattr(self, key) is None:
            raise KeyPathError(key, "is missing", remedy)

    def _refuse(self, keys: tuple[str, ...], message: str) -> None:
        for key in keys:
            if getattr(self, key) is not None:
                raise KeyPathError(key, message, "leave it out, or change the kind")


class BrokerTable(Table):
    """The table `[broker]`. Commands are programs with their arguments, not lines for a shell."""

    kind: BrokerKind = BrokerKind.NONE
    """How the broker is started."""
    clean: Clean = Clean.EACH_LEVEL
    """Before which levels the broker is restarted without its stored messages."""
    ready_timeout_ns: DurationNs = Field(default=15 * NS_PER_S, alias="ready_timeout")
    """The longest wait until the broker accepts connections."""
    stop_timeout_ns: DurationNs = Field(default=5 * NS_PER_S, alias="stop_timeout")
    """The longest wait for the broker to end."""
    listeners: tuple[ListenerTable, ...] = Field(default=(), alias="listener")
    """Listeners of a mosquitto that this campaign configures."""
    config: str | None = None
    """Configuration file of mosquitto, in place of listeners."""
    max_queued_messages: int | None = Field(default=None, strict=True, ge=0)
    """Setting of mosquitto."""
    max_inflight_messages: int | None = Field(default=None, strict=True, ge=0)
    """Setting of mosquitto."""
    set_tcp_nodelay: Flag = False
    """Setting of mosquitto: send small packets at once, and do not wait for the acknowledgement of those before."""
    command: CommandLine = ()
    """Program that is the broker, with its arguments."""
    stop_command: CommandLine = ()
    """Program that stops the broker."""
    clean_command: CommandLine = ()
    """Program that removes the broker's stored messages."""
    unit: str | None = Field(default=None, pattern=r"^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,254}$")
    """Unit of systemd."""
    persistence: Several = ()
    """Files that hold the broker's stored messages."""
    ssh: str | None = None
    """Host of the broker: user@host or user@host:port."""
    ssh_config: str | None = None
    """Configuration file of ssh."""
    sudo: Flag = False
    """Run the commands with sudo."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        # a key without effect is refused: the operator would believe that it acts
        for key in sorted(self.model_fields_set & set(ALLOWED)):
            if self.kind not in ALLOWED[key] and getattr(self, key):
                alias = type(self).model_fields[key].alias or key
                kinds = " or ".join(ALLOWED[key])
                raise KeyPathError(alias, f"means nothing to a broker of kind {self.kind}", f"it is for {kinds}")
        self._check_needs()
        self._check_listeners()
        self._check_host()
        return self

    @property
    def tells_its_url(self) -> bool:
        """Tell whether the campaign itself decides where the broker listens."""
        return self.kind is BrokerKind.EMBEDDED or (self.kind is BrokerKind.MOSQUITTO and self.config is None)

    def _check_needs(self) -> None:
        if self.kind is BrokerKind.COMMAND and not self.command:
            raise KeyPathError("command", "is missing", 'write command = ["program", "option"]')
        if self.kind is BrokerKind.SYSTEMD and self.unit is None:
            raise KeyPathError("unit", "is missing", 'write unit = "mosquitto.service"')
        for key in ("ready_timeout", "stop_timeout"):
            if getattr(self, f"{key}_ns") == 0:
                raise KeyPathError(key, "must be longer than 0 s", "write a duration over 0, such as 15s")

        # malaria writes the file's name into the configuration, which takes one
        if self.tells_its_url and len(self.persistence) > 1:
            raise KeyPathError("persistence", "names several files, and mosquitto keeps one", "name one")

    def _check_listeners(self) -> None:
        # mosquitto would read only `config`, and these keys would have no effect
        for key in sorted(self.model_fields_set & _IN_CONFIG):
            if self.config is not None:
                alias = type(self).model_fields[key].alias or key
                raise KeyPathError(
                    alias, "cannot be used with config, which has all settings", "write it into that file"
                )
        names = [listener.name for listener in self.listeners]
        for position, name in enumerate(names):
            if name in names[:position]:
                raise KeyPathError(("listener", position, "name"), f"{name!r} is taken", "give each its own name")

    def _check_host(self) -> None:
        if self.ssh is None:
            if self.ssh_config is not None:
                raise KeyPathError("ssh", "is missing beside ssh_config", 'write ssh = "user@host"')
            return
        # ssh would take a leading dash for one of its options
        if self.ssh.startswith("-") or not self.ssh.isprintable() or not self.ssh.strip():
            raise KeyPathError("ssh", f"{self.ssh!r} is not a host", 'write "host", "user@host" or "user@host:port"')
        # a configuration made here has paths and keys of this host
        if self.kind is BrokerKind.MOSQUITTO and self.config is None:
            raise KeyPathError("config", "is missing beside ssh", "name the configuration file on that host")


_IN_CONFIG: Final = {"listeners", "max_queued_messages", "max_inflight_messages", "set_tcp_nodelay"}
"""What malaria writes into the configuration that it makes."""
ALLOWED: Final[Mapping[str, frozenset[BrokerKind]]] = {
    "listeners": frozenset({BrokerKind.MOSQUITTO}),
    "config": frozenset({BrokerKind.MOSQUITTO}),
    "max_queued_messages": frozenset({BrokerKind.MOSQUITTO}),
    "max_inflight_messages": frozenset({BrokerKind.MOSQUITTO}),
    "set_tcp_nodelay": frozenset({BrokerKind.MOSQUITTO}),
    "command": frozenset({BrokerKind.COMMAND}),
    "stop_command": frozenset({BrokerKind.COMMAND}),
    "clean_command": frozenset({BrokerKind.COMMAND, BrokerKind.SYSTEMD, BrokerKind.MOSQUITTO}),
    "unit": frozenset({BrokerKind.SYSTEMD}),
    "persistence": frozenset({BrokerKind.COMMAND, BrokerKind.SYSTEMD, BrokerKind.MOSQUITTO}),
    "ssh": frozenset({BrokerKind.COMMAND, BrokerKind.SYSTEMD, BrokerKind.MOSQUITTO}),
    "ssh_config": frozenset({BrokerKind.COMMAND, BrokerKind.SYSTEMD, BrokerKind.MOSQUITTO}),
    "sudo": frozenset({BrokerKind.COMMAND, BrokerKind.SYSTEMD, BrokerKind.MOSQUITTO}),
}
"""Field -> the kinds of broker that it says something about."""
