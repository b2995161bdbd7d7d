"""The options of the load, each once: its names and help, the commands that have it, and the key of a warhead it sets.

The command line makes its parameters from this table, `malaria.model.warhead_options` makes a warhead from what was
given, and docs/options.md is printed from it. Names follow mosquitto_pub and emqtt-bench. Imports nothing that is slow
to load: `malaria --help` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Any, Final

from malaria.errors import WarheadError

MOST_WORKERS: Final = 1024
"""The most worker processes of one host (--workers)."""


class Panel(StrEnum):
    """The sections of a command's help, in their order."""

    LOAD = "Load"
    TIME = "Time"
    CLIENTS = "Clients"
    ACCESS = "TLS, WebSocket and credentials"
    RESULT = "Result"


class ValueKind(Enum):
    """The value that follows an option on the command line."""

    TEXT = auto()
    NUMBER = auto()
    SWITCH = auto()  # nothing
    TEXTS = auto()  # a text, and the option can be repeated


ONCE: Final = frozenset({"attack", "publish"})
"""Commands that make one load that publishes; the others make it again and again, as long as their hold."""
HOLDING: Final = frozenset({"capacity", "compare"})
PUBLISHING: Final = ONCE | HOLDING
TALKING: Final = PUBLISHING | {"subscribe"}
LOADING: Final = TALKING | {"connect"}
CONNECTING: Final = LOADING | {"campaign", "doctor", "watch"}


@dataclass(frozen=True, slots=True)
class LoadOption:
    """An option that says something about the load.

    `sets` is the table and the key of a warhead that the option sets, such as `group.clients`; empty if it sets none.
    `replaces` are keys of the same table that do not hold beside it. `read` turns the typed value into that of the
    file. `secret` values are never stored or shown.
    """

    name: str
    flags: tuple[str, ...]
    help: str
    panel: Panel
    commands: frozenset[str]
    sets: str = ""
    kind: ValueKind = ValueKind.TEXT
    metavar: str | None = None
    replaces: tuple[str, ...] = ()
    read: Callable[[Any], Any] = lambda value: value
    variable: str | None = None  # of the environment
    secret: bool = False

    @property
    def table(self) -> str:
        return self.sets.partition(".")[0]

    @property
    def key(self) -> str:
        return self.sets.partition(".")[2]

    @property
    def flag(self) -> str:
        """Return the names in one text, as errors call the option: -c/--clients."""
        return "/".join(self.flags)


class LoadOptions(Mapping[str, Any]):
    """The load options that were given, as they were typed: name of the option -> value. Others are absent.

    None, False and an empty list stand for an option that was not given. Raises TypeError for an unknown name.
    """

    def __init__(self, **values: Any) -> None:
        if unknown := values.keys() - OPTIONS.keys():
            raise TypeError(f"there is no load option {unknown.pop()}")
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        self._given = {name: value for name, value in given.items() if value not in (None, ()) and value is not False}

    def __getitem__(self, name: str) -> Any:
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def __repr__(self) -> str:
        shown = (f"{name}={'...' if OPTIONS[name].secret else repr(value)}" for name, value in self.items())
        return f"LoadOptions({', '.join(shown)})"


# --- values of several options -------------------------------------------------------------------------------------


def _addresses(texts: tuple[str, ...]) -> list[str] | str:
    addresses = [address.strip() for text in texts for address in text.split(",")]
    return "auto" if addresses == ["auto"] else addresses


def _headers(texts: tuple[str, ...]) -> dict[str, str]:
    """Read `Name: value`, as curl does. Values of one name are joined, which says the same in HTTP (RFC 9110, 5.3)."""
    values: dict[str, list[str]] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon:
            raise WarheadError(f"--header: {text!r} is not a header of HTTP", "write 'Name: value'")
        values.setdefault(name.strip(), []).append(value.strip())
    return {name: ("; " if name.lower() == "cookie" else ", ").join(several) for name, several in values.items()}


def _user_properties(texts: tuple[str, ...]) -> dict[str, list[str]]:
    """Read `name=value`. A name can be repeated."""
    properties: dict[str, list[str]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        properties.setdefault(name.strip(), []).append(value.strip())
    return properties


def _one_or_several(texts: tuple[str, ...] | str) -> str | tuple[str, ...]:
    return texts[0] if isinstance(texts, tuple) and len(texts) == 1 else texts


# --- the table -----------------------------------------------------------------------------------------------------

_NUMBER, _SWITCH, _TEXTS = ValueKind.NUMBER, ValueKind.SWITCH, ValueKind.TEXTS
_TABLE: Final = (
    # Load
    LoadOption(
        "group", ("--group",), "The group of the warhead that options change (all that publish).", Panel.LOAD,
        frozenset({"attack", *HOLDING}), metavar="NAME",
    ),
    LoadOption(
        "clients", ("-c", "--clients"), "Number of clients (10; 1 for subscribe).", Panel.LOAD, LOADING,
        "group.clients", _NUMBER, "N",
    ),
    LoadOption("qos", ("-q", "--qos"), "Quality of service (1).", Panel.LOAD, TALKING, "group.qos", _NUMBER, "0|1|2"),
    LoadOption(
        "topic", ("-t", "--topic"),
        "Topic to publish to, or filter to subscribe to: {client} {index} {group} {seq}. Several: clients take turns.",
        Panel.LOAD, TALKING, "group.topic", _TEXTS, "TOPIC", ("filters", "topics"), _one_or_several,
    ),
    LoadOption(
        "interval", ("-I", "--interval"),
        "Time between two messages of a client: 6, 6s, 250ms (1s). 0 sends as fast as the window allows.", Panel.LOAD,
        PUBLISHING, "group.interval", metavar="TIME", replaces=("rate",),
    ),
    LoadOption(
        "rate", ("-r", "--rate"), "Messages per second and client, in place of -I: 0.166, 1/6.", Panel.LOAD,
        PUBLISHING, "group.rate", metavar="RATE", replaces=("interval",),
    ),
    LoadOption(
        "size", ("-s", "--size"), "Bytes of a payload: 500, 500~25 (normal), 100-900 (100).", Panel.LOAD, PUBLISHING,
        "group.size", metavar="SIZE",
    ),
    LoadOption(
        "messages", ("-n", "--messages"), "Messages per client; then the client is done.", Panel.LOAD, ONCE,
        "group.messages", _NUMBER, "N",
    ),
    LoadOption(
        "payload", ("--payload",), "Content: random, hex, text, zero, file:PATH or module:function (random).",
        Panel.LOAD, PUBLISHING, "group.payload", metavar="WHAT", replaces=("size", "header"),
    ),
    LoadOption(
        "retain", ("--retain",), "Publish retained messages.", Panel.LOAD, PUBLISHING, "group.retain", _SWITCH
    ),
    LoadOption(
        "topic_alias", ("--topic-alias",), "MQTT 5: send the topic once per connection, then its alias.", Panel.LOAD,
        PUBLISHING, "group.topic_alias", _SWITCH,
    ),
    LoadOption(
        "message_expiry", ("--message-expiry",), "MQTT 5: time after which the broker forgets a message.", Panel.LOAD,
        PUBLISHING, "group.message_expiry", metavar="TIME",
    ),
    LoadOption(
        "user_property", ("--user-property",), "MQTT 5: user property of every message (repeatable).", Panel.LOAD,
        PUBLISHING, "group.user_properties", _TEXTS, "NAME=VALUE", read=_user_properties,
    ),
    LoadOption(
        "inflight", ("-F", "--inflight"), "The most unacknowledged messages of a client (20).", Panel.LOAD, PUBLISHING,
        "group.inflight", _NUMBER, "N",
    ),
    LoadOption(
        "reserve", ("--reserve",), "Clients that can be added while the load runs (as many again, at least 1,000).",
        Panel.LOAD, LOADING - HOLDING, "group.reserve", _NUMBER, "N",
    ),
    # Time
    LoadOption(
        "ramp", ("--ramp",), "Connect the clients one by one over this time.", Panel.TIME, LOADING, "group.ramp",
        metavar="TIME",
    ),
    LoadOption(
        "arrival", ("--arrival",), "steady (evenly spread), random, jitter, poisson or burst (steady).", Panel.TIME,
        PUBLISHING, "group.arrival", metavar="HOW", replaces=("jitter",),
    ),
    LoadOption(
        "rate_ramp", ("--rate-ramp",), "Raise the rate from 0 to the full rate over this time.", Panel.TIME,
        PUBLISHING, "group.rate_ramp", metavar="TIME",
    ),
    LoadOption(
        "seed", ("--seed",), "Draw the same random numbers as another run with this seed.", Panel.TIME, PUBLISHING,
        "attack.seed", _NUMBER, "N",
    ),
    LoadOption(
        "duration", ("-d", "--duration"), "How long to measure: 30, 10m, 1h30m (30s, or until -n is reached).",
        Panel.TIME, LOADING - HOLDING, "attack.duration", metavar="TIME",
    ),
    LoadOption(
        "warmup", ("--warmup",), "Make the load this long before the measured time begins (0s).", Panel.TIME, LOADING,
        "attack.warmup", metavar="TIME",
    ),
    LoadOption(
        "surge", ("--surge",), "Add clients to the running load and take them away: 500@10m+5m (repeatable).",
        Panel.TIME, LOADING - HOLDING, kind=_TEXTS, metavar="N@AT+HOLD",
    ),
    LoadOption(
        "drain", ("--drain",), "The longest wait for messages under way at the end (10s).", Panel.TIME, LOADING,
        "attack.drain", metavar="TIME",
    ),
    # Clients
    LoadOption(
        "client_id", ("--client-id",), "Pattern of the client ids: {run} {group} {index}.", Panel.CLIENTS, LOADING,
        "group.client_id", metavar="PATTERN",
    ),
    LoadOption(
        "keepalive", ("-k", "--keepalive"), "Keep-alive in seconds (60). 0 sets none.", Panel.CLIENTS, LOADING,
        "group.keepalive", metavar="TIME",
    ),
    LoadOption(
        "keep_session", ("--keep-session",), "Keep sessions: connect with clean session off.", Panel.CLIENTS, LOADING,
        "group.clean_start", _SWITCH, read=lambda kept: not kept,
    ),
    LoadOption(
        "protocol", ("-V", "--protocol"), "MQTT version, 3.1.1 or 5 (3.1.1).", Panel.CLIENTS, LOADING | {"doctor"},
        "attack.protocol", metavar="VERSION",
    ),
    LoadOption(
        "session_expiry", ("--session-expiry",), "MQTT 5: how long the broker keeps a session, or never (ends).",
        Panel.CLIENTS, LOADING, "group.session_expiry", metavar="TIME",
    ),
    LoadOption(
        "will_topic", ("--will-topic",), "Topic of a will for every client.", Panel.CLIENTS, LOADING, "will.topic",
        metavar="TOPIC",
    ),
    LoadOption(
        "will_payload", ("--will-payload",), "Text of the will.", Panel.CLIENTS, LOADING, "will.payload",
        metavar="TEXT",
    ),
    LoadOption(
        "will_qos", ("--will-qos",), "QoS of the will (0).", Panel.CLIENTS, LOADING, "will.qos", _NUMBER, "0|1|2"
    ),
    LoadOption(
        "will_retain", ("--will-retain",), "Publish the will as a retained message.", Panel.CLIENTS, LOADING,
        "will.retain", _SWITCH,
    ),
    LoadOption(
        "connect_rate", ("-R", "--connect-rate"), "Connects per second of all clients (1000). 0 sets no pace.",
        Panel.CLIENTS, LOADING, "attack.connect_rate", metavar="RATE",
    ),
    LoadOption(
        "connects_in_progress", ("--connects-in-progress",), "The most connects under way at once (64).",
        Panel.CLIENTS, LOADING, "attack.connects_in_progress", _NUMBER, "N",
    ),
    LoadOption(
        "connect_timeout", ("--connect-timeout",), "The longest wait for each step of a connect (10s).",
        Panel.CLIENTS, LOADING, "attack.connect_timeout", metavar="TIME",
    ),
    LoadOption(
        "source_address", ("--source-address",),
        "Local addresses to spread clients over, separated by commas; auto takes as many as needed.", Panel.CLIENTS,
        LOADING, "attack.source_addresses", _TEXTS, "ADDRESS", read=_addresses,
    ),
    LoadOption(
        "spread", ("--spread",), "How clients share the addresses of a name: even or first (even).", Panel.CLIENTS,
        LOADING, "attack.spread", metavar="HOW",
    ),
    # TLS, WebSocket and credentials
    LoadOption(
        "psk_file", ("--psk-file",), "File of pre-shared keys, identity:hexkey; client i takes line i.", Panel.ACCESS,
        CONNECTING, "target.psk_file", metavar="FILE",
    ),
    LoadOption(
        "psk_identity", ("--psk-identity",), "PSK identity, with one key for all clients; {index} is allowed.",
        Panel.ACCESS, CONNECTING, "target.psk_identity", metavar="NAME",
    ),
    LoadOption(
        "psk", ("--psk",), "The pre-shared key, hexadecimal; safer in the environment.", Panel.ACCESS, CONNECTING,
        "target.psk", variable="MALARIA_PSK", secret=True,
    ),
    LoadOption(
        "cafile", ("--cafile",), "Trusted CA certificates (those of the system).", Panel.ACCESS, CONNECTING,
        "target.cafile", metavar="FILE",
    ),
    LoadOption(
        "cert", ("--cert",), "Client certificate: a file, a pattern with {index}, or a directory.", Panel.ACCESS,
        CONNECTING, "target.cert", metavar="PATH",
    ),
    LoadOption(
        "key", ("--key",), "Private key of --cert, unless it is in the same file.", Panel.ACCESS, CONNECTING,
        "target.key", metavar="PATH",
    ),
    LoadOption(
        "insecure", ("--insecure",), "Accept any broker without verifying its certificate.", Panel.ACCESS, CONNECTING,
        "target.insecure", _SWITCH,
    ),
    LoadOption(
        "server_name", ("--server-name",), "Host name to ask for and to verify (the target's host).", Panel.ACCESS,
        CONNECTING, "target.server_name", metavar="NAME",
    ),
    LoadOption(
        "tls_version", ("--tls-version",), "TLS version, 1.2 or 1.3 (what the broker prefers).", Panel.ACCESS,
        CONNECTING, "target.tls_version", metavar="VERSION",
    ),
    LoadOption(
        "ciphers", ("--ciphers",), "Ciphers of TLS 1.2, in OpenSSL's notation.", Panel.ACCESS, CONNECTING,
        "target.ciphers", metavar="LIST",
    ),
    LoadOption(
        "no_resume", ("--no-resume",), "Do a full TLS handshake at every reconnect.", Panel.ACCESS, CONNECTING,
        "target.resume", _SWITCH, read=lambda refused: not refused,
    ),
    LoadOption(
        "header", ("--header",), "'Name: value' for the WebSocket upgrade (repeatable).", Panel.ACCESS, CONNECTING,
        "target.headers", _TEXTS, "HEADER", read=_headers, secret=True,
    ),
    LoadOption(
        "credentials_file", ("--credentials-file",), "File of user,password lines; client i takes line i.",
        Panel.ACCESS, CONNECTING, "target.credentials_file", metavar="FILE",
    ),
    # Result
    LoadOption(
        "fail_if", ("--fail-if",), "FAIL if this condition holds: 'ack.p99 > 500ms' (repeatable).", Panel.RESULT,
        LOADING, kind=_TEXTS, metavar="CONDITION",
    ),
    LoadOption(
        "own_lag_limit", ("--own-lag-limit",), "INVALID if messages leave later than this, p99 (a tenth of the limit).",
        Panel.RESULT, PUBLISHING, "attack.own_lag_limit", metavar="TIME",
    ),
    LoadOption(
        "allow_stall", ("--allow-stall",), "Let the broker stand still for this long (a second at most).", Panel.RESULT,
        PUBLISHING, metavar="TIME",
    ),
)  # fmt: skip

OPTIONS: Final[Mapping[str, LoadOption]] = {option.name: option for option in _TABLE}
KEYS: Final[Mapping[str, LoadOption]] = {name: option for name, option in OPTIONS.items() if option.sets}
"""The options that set a key of a warhead."""


def options_of(command: str) -> list[LoadOption]:
    """Return the load options of a command, in the order of its help."""
    return [option for option in _TABLE if command in option.commands]
