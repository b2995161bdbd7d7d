"""The options, each once: its names, its help, its default. Commands pick the shapes they need.

Values stay as they were typed; the model reads them, so that a file and an option are read by the same rules.
Names follow mosquitto_pub and emqtt-bench.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer
from typer.models import ArgumentInfo

if TYPE_CHECKING:
    from malaria.model.options import LoadOptions

LOAD: Final = "Load"
CLIENTS: Final = "Clients"
ENTRY: Final = "TLS, WebSocket and who the clients are"
TIME: Final = "Time"
RESULT: Final = "Result"
PANELS: Final = (LOAD, TIME, CLIENTS, ENTRY, RESULT)
PASSWORD_VARIABLE: Final = "MALARIA_PASSWORD"
PASSWORD_FLAGS: Final = ("-P", "--password")
PSK_VARIABLE: Final = "MALARIA_PSK"
PSK_FLAGS: Final = ("--psk",)
HEADER_FLAGS: Final = ("--header",)
SECRET_FLAGS: Final = (*PASSWORD_FLAGS, *PSK_FLAGS, *HEADER_FLAGS)


def option(panel: str, *names: str, text: str, **more: Any) -> Any:
    """An option in a panel of the help."""
    return typer.Option(*names, help=text, show_default=False, rich_help_panel=panel, **more)


# options that several commands have: each is a field of their shapes
Allowed = Annotated[
    int,
    option(
        CLIENTS,
        "--i-am-allowed-to-load-this-broker",
        text="Load one of the well-known public brokers; only works when given twice.",
        count=True,
    ),
]
Password = Annotated[
    str | None,
    option(CLIENTS, *PASSWORD_FLAGS, text="Its password; safer in the environment.", envvar=PASSWORD_VARIABLE),
]
Workers = Annotated[
    int | None,
    option(
        RESULT,
        "--workers",
        text="Worker processes, of each bee if there are (one per core).",
        min=1,
        max=1024,
        metavar="N",
    ),
]
SwarmName = Annotated[
    str | None,
    option(RESULT, "--swarm", text="Make the load on the bees of this swarm, not here.", metavar="NAME"),
]
Bees = Annotated[
    list[str] | None,
    option(RESULT, "--bee", text="Limit the swarm to this bee (repeatable).", metavar="NAME"),
]
WithoutBees = Annotated[
    list[str] | None,
    option(RESULT, "--without", text="Leave this bee of the swarm out (repeatable).", metavar="NAME"),
]
Scheduler = Annotated[
    str | None,
    option(RESULT, "--scheduler", text="Or on the workers of a Dask cluster: tls://HOST:PORT.", metavar="ADDRESS"),
]
Overwrite = Annotated[
    bool, option(RESULT, "--overwrite", text="Replace the run that the directory of -o holds; nothing else in it.")
]
JsonFile = Annotated[
    str | None, option(RESULT, "--json", text="Write the summary as JSON to a file; - is stdout.", metavar="FILE")
]
Quiet = Annotated[bool, option(RESULT, "--quiet", text="Print nothing but errors; the exit code has the verdict.")]


@dataclass(frozen=True)
class Where:
    """The broker, and who we say we are."""

    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="The broker: host, host:port, or mqtt:// mqtts:// ws:// wss:// user:password@host:port/path; "
            "several: a:1883,b:1883.",
            show_default=False,
        ),
    ] = None
    username: Annotated[str | None, option(CLIENTS, "-u", "--username", text="User name for every client.")] = None
    password: Password = None
    allowed: Allowed = 0


@dataclass(frozen=True)
class Entry:
    """How clients get in."""

    psk_file: Annotated[
        str | None,
        option(ENTRY, "--psk-file", text="identity:hexkey on each line; client i takes line i.", metavar="FILE"),
    ] = None
    psk_identity: Annotated[
        str | None,
        option(ENTRY, "--psk-identity", text="Or one key for all: its identity, {index} allowed.", metavar="NAME"),
    ] = None
    psk: Annotated[
        str | None,
        option(ENTRY, *PSK_FLAGS, text="That key, hexadecimal; safer in the environment.", envvar=PSK_VARIABLE),
    ] = None
    cafile: Annotated[
        str | None,
        option(ENTRY, "--cafile", text="CA certificates that we trust (the system's).", metavar="FILE"),
    ] = None
    cert: Annotated[
        str | None,
        option(
            ENTRY, "--cert", text="Our certificate: a file, a pattern with {index}, or a directory.", metavar="PATH"
        ),
    ] = None
    key: Annotated[
        str | None, option(ENTRY, "--key", text="Its key, unless it is in the same file.", metavar="PATH")
    ] = None
    insecure: Annotated[
        bool, option(ENTRY, "--insecure", text="Believe any broker, whatever its certificate says.")
    ] = False
    server_name: Annotated[
        str | None,
        option(ENTRY, "--server-name", text="Name to ask for and to verify (the target's host).", metavar="NAME"),
    ] = None
    tls_version: Annotated[
        str | None, option(ENTRY, "--tls-version", text="1.2 or 1.3 (what the broker prefers).", metavar="VERSION")
    ] = None
    ciphers: Annotated[
        str | None, option(ENTRY, "--ciphers", text="For TLS 1.2, in OpenSSL's words.", metavar="LIST")
    ] = None
    no_resume: Annotated[bool, option(ENTRY, "--no-resume", text="A full TLS handshake at every reconnect.")] = False
    header: Annotated[
        list[str] | None,
        option(
            ENTRY, *HEADER_FLAGS, text="'Name: value' for the WebSocket upgrade. Can be repeated.", metavar="HEADER"
        ),
    ] = None
    credentials_file: Annotated[
        str | None,
        option(ENTRY, "--credentials-file", text="user,password on each line; client i takes line i.", metavar="FILE"),
    ] = None


@dataclass(frozen=True)
class FromFile:
    """A warhead, and what it is changed by."""

    warhead: Annotated[
        Path | None,
        option(
            LOAD,
            "-w",
            "--warhead",
            text="A TOML file that says what load to make; options win over it.",
            metavar="FILE",
        ),
    ] = None
    group: Annotated[
        str | None, option(LOAD, "--group", text="The group of the warhead that options change (all that publish).")
    ] = None
    no_subscriber: Annotated[
        bool,
        option(LOAD, "--no-subscriber", text="Without a warhead: no client that listens, so no account of deliveries."),
    ] = False


@dataclass(frozen=True)
class Crowd:
    """The clients and their connections."""

    clients: Annotated[
        int | None, option(LOAD, "-c", "--clients", text="How many clients (10; one for subscribe).", metavar="N")
    ] = None
    client_id: Annotated[
        str | None,
        option(CLIENTS, "--client-id", text="Pattern of client ids: {run} {group} {index}.", metavar="PATTERN"),
    ] = None
    keepalive: Annotated[
        str | None, option(CLIENTS, "-k", "--keepalive", text="Keep-alive in seconds (60; 0: none).", metavar="TIME")
    ] = None
    keep_session: Annotated[
        bool, option(CLIENTS, "--keep-session", text="Persistent sessions: connect with clean session off.")
    ] = False
    protocol: Annotated[
        str | None, option(CLIENTS, "-V", "--protocol", text="MQTT version, 3.1.1 or 5 (3.1.1).", metavar="VERSION")
    ] = None
    session_expiry: Annotated[
        str | None,
        option(CLIENTS, "--session-expiry", text="MQTT 5: keep sessions this long, or never end them.", metavar="TIME"),
    ] = None
    will_topic: Annotated[
        str | None, option(CLIENTS, "--will-topic", text="Topic of a will for every client.", metavar="TOPIC")
    ] = None
    will_payload: Annotated[str | None, option(CLIENTS, "--will-payload", text="Its text.", metavar="TEXT")] = None
    will_qos: Annotated[int | None, option(CLIENTS, "--will-qos", text="Its QoS (0).", metavar="0|1|2")] = None
    will_retain: Annotated[bool, option(CLIENTS, "--will-retain", text="Have the will retained.")] = False
    connect_rate: Annotated[
        str | None,
        option(
            CLIENTS,
            "-R",
            "--connect-rate",
            text="Connects per second of all clients (1000; 0: no pace).",
            metavar="RATE",
        ),
    ] = None
    connects_in_progress: Annotated[
        int | None,
        option(CLIENTS, "--connects-in-progress", text="Connects under way at once, at most (64).", metavar="N"),
    ] = None
    connect_timeout: Annotated[
        str | None, option(CLIENTS, "--connect-timeout", text="When to give a connect up (10s).", metavar="TIME")
    ] = None
    source_address: Annotated[
        list[str] | None,
        option(
            CLIENTS,
            "--source-address",
            text="Local addresses to spread clients over, with commas; or auto for 127.0.0.0/8.",
            metavar="ADDRESS",
        ),
    ] = None
    ramp: Annotated[
        str | None, option(TIME, "--ramp", text="Bring the clients in one by one over this time.", metavar="TIME")
    ] = None


@dataclass(frozen=True)
class Conversation:
    """What clients talk about."""

    qos: Annotated[int | None, option(LOAD, "-q", "--qos", text="Quality of service (1).", metavar="0|1|2")] = None
    topic: Annotated[
        str | None,
        option(
            LOAD,
            "-t",
            "--topic",
            text="Topic, or filter to listen to: {client} {index} {group} {seq}.",
            metavar="TOPIC",
        ),
    ] = None


@dataclass(frozen=True)
class Messages:
    """What publishing clients send, and how often."""

    interval: Annotated[
        str | None,
        option(
            LOAD,
            "-I",
            "--interval",
            text="Between a client's messages: 6, 6s, 250ms (1s); 0: as fast as the window allows.",
            metavar="TIME",
        ),
    ] = None
    rate: Annotated[
        str | None,
        option(LOAD, "-r", "--rate", text="Or messages per second and client: 0.166, 1/6.", metavar="RATE"),
    ] = None
    size: Annotated[
        str | None,
        option(LOAD, "-s", "--size", text="Bytes of a payload: 500, 500~25 (normal), 100-900 (100).", metavar="SIZE"),
    ] = None
    messages: Annotated[
        int | None, option(LOAD, "-n", "--messages", text="Messages per client, then it is done.", metavar="N")
    ] = None
    payload: Annotated[
        str | None,
        option(
            LOAD, "--payload", text="random, hex, text, zero, file:PATH or module:function (random).", metavar="WHAT"
        ),
    ] = None
    retain: Annotated[bool, option(LOAD, "--retain", text="Publish retained messages.")] = False
    topic_alias: Annotated[
        bool, option(LOAD, "--topic-alias", text="MQTT 5: say the topic once, then by its alias.")
    ] = False
    message_expiry: Annotated[
        str | None,
        option(LOAD, "--message-expiry", text="MQTT 5: the broker forgets messages after this.", metavar="TIME"),
    ] = None
    user_property: Annotated[
        list[str] | None,
        option(LOAD, "--user-property", text="MQTT 5: of every message. Can be repeated.", metavar="NAME=VALUE"),
    ] = None
    inflight: Annotated[
        int | None,
        option(LOAD, "-F", "--inflight", text="Unacknowledged messages of a client, at most (20).", metavar="N"),
    ] = None
    arrival: Annotated[
        str | None,
        option(
            TIME, "--arrival", text="steady (spread evenly), random, jitter, poisson or burst (steady).", metavar="HOW"
        ),
    ] = None
    rate_ramp: Annotated[
        str | None, option(TIME, "--rate-ramp", text="Let the rate grow from 0 over this time.", metavar="TIME")
    ] = None
    seed: Annotated[
        int | None, option(TIME, "--seed", text="Draw the same random numbers as another run with it.", metavar="N")
    ] = None


@dataclass(frozen=True)
class Course:
    """How the attack goes in time."""

    duration: Annotated[
        str | None,
        option(
            TIME, "-d", "--duration", text="How long to measure: 30, 10m, 1h30m (30s, or until -n).", metavar="TIME"
        ),
    ] = None
    warmup: Annotated[
        str | None, option(TIME, "--warmup", text="Load before the measured time begins (0s).", metavar="TIME")
    ] = None
    surge: Annotated[
        list[str] | None,
        option(
            TIME,
            "--surge",
            text="Add clients to the running load, and take them away again: 500@10m+5m. Can be repeated.",
            metavar="N@AT+HOLD",
        ),
    ] = None
    drain: Annotated[
        str | None,
        option(TIME, "--drain", text="Wait for what is still under way, at most (10s).", metavar="TIME"),
    ] = None


@dataclass(frozen=True)
class Result:
    """What becomes of the outcome."""

    fail_if: Annotated[
        list[str] | None,
        option(
            RESULT, "--fail-if", text="FAIL if this holds: 'ack.p99 > 500ms'. Can be repeated.", metavar="CONDITION"
        ),
    ] = None
    workers: Workers = None
    swarm: SwarmName = None
    scheduler: Scheduler = None
    bee: Bees = None
    without: WithoutBees = None
    output: Annotated[
        Path | None,
        option(RESULT, "-o", "--output", text="The run's directory (runs/TIME-TITLE).", metavar="DIR"),
    ] = None
    overwrite: Overwrite = False
    observe: Annotated[
        list[str] | None,
        option(
            RESULT,
            "--observe",
            text="Watch, with commas: sys, host, process=PID, NAME, :PORT or ssh://HOST/NAME, prometheus=URL, "
            "docker=NAME, perf=10s; none.",
            metavar="WHAT",
        ),
    ] = None
    json: JsonFile = None
    quiet: Quiet = False


def takes(*shapes: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Lets a command take shapes of options: each field becomes an option.

    The function gets the arguments as they were typed (a tuple of texts), then the shapes filled.
    """

    def expand(function: Callable[..., int]) -> Callable[..., int]:
        def command(context: typer.Context, **values: Any) -> int:
            filled = (shape(**{field.name: values[field.name] for field in fields(shape)}) for shape in shapes)
            return function(context.obj, *filled)

        parameters = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
        parameters += [parameter for shape in shapes for parameter in _parameters(shape)]
        parameters.sort(key=_rank)
        command.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        command.__doc__, command.__name__ = function.__doc__, function.__name__
        return command

    return expand


@cache
def _parameters(shape: type) -> tuple[inspect.Parameter, ...]:
    """One for each field. Reading the annotations of a shape is most of what `malaria` does before it begins."""
    annotations = get_type_hints(shape, include_extras=True)
    return tuple(_parameter(field, annotations[field.name]) for field in fields(shape))


def _parameter(field: Field[Any], annotation: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _rank(parameter: inspect.Parameter) -> int:
    """Arguments first, then the panels of the help in their order."""
    if parameter.annotation is typer.Context:
        return -1
    (what,) = parameter.annotation.__metadata__
    return -1 if isinstance(what, ArgumentInfo) else PANELS.index(what.rich_help_panel)


def load_options(*shapes: object) -> LoadOptions:
    """What the shapes say about the load. A switch that is off says nothing."""
    from malaria.model.options import LoadOptions  # pydantic: not for --help

    known = {field.name for field in fields(LoadOptions)}
    said = {
        field.name: getattr(shape, field.name)
        for shape in shapes
        for field in fields(shape)  # type: ignore[arg-type]
        if field.name in known
    }
    lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
    return LoadOptions(
        **{name: value for name, value in (said | lists).items() if value is not None and value is not False}
    )
