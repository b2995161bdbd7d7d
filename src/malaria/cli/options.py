"""The options, each once: its names, its help, its default. Commands pick the shapes they need.

Values stay as they were typed; the model reads them, so that a file and an option are read by the same rules.
Names follow mosquitto_pub and emqtt-bench.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

if TYPE_CHECKING:
    from malaria.model.options import LoadOptions

LOAD: Final = "Load"
CLIENTS: Final = "Clients"
TIME: Final = "Time"
RESULT: Final = "Result"
PANELS: Final = (LOAD, TIME, CLIENTS, RESULT)
PASSWORD_VARIABLE: Final = "MALARIA_PASSWORD"
PASSWORD_FLAGS: Final = ("-P", "--password")


def _option(panel: str, *names: str, text: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, show_default=False, rich_help_panel=panel, **more)


@dataclass(frozen=True)
class Where:
    """The broker, and who we say we are."""

    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="The broker: host, host:port, mqtt://user:password@host:port, or several: a:1883,b:1883.",
            show_default=False,
        ),
    ]
    username: Annotated[str | None, _option(CLIENTS, "-u", "--username", text="User name for every client.")] = None
    password: Annotated[
        str | None,
        _option(CLIENTS, *PASSWORD_FLAGS, text="Its password; safer in the environment.", envvar=PASSWORD_VARIABLE),
    ] = None
    allowed: Annotated[
        int,
        _option(
            CLIENTS,
            "--i-am-allowed-to-load-this-broker",
            text="Load one of the well-known public brokers; only works when given twice.",
            count=True,
        ),
    ] = 0


@dataclass(frozen=True)
class FromFile:
    """A warhead, and what it is changed by."""

    warhead: Annotated[
        Path | None,
        _option(
            LOAD,
            "-w",
            "--warhead",
            text="A TOML file that says what load to make; options win over it.",
            metavar="FILE",
        ),
    ] = None
    group: Annotated[
        str | None, _option(LOAD, "--group", text="The group of the warhead that options change (all that publish).")
    ] = None
    no_subscriber: Annotated[
        bool,
        _option(
            LOAD, "--no-subscriber", text="Without a warhead: no client that listens, so no account of deliveries."
        ),
    ] = False


@dataclass(frozen=True)
class Crowd:
    """The clients and their connections."""

    clients: Annotated[
        int | None, _option(LOAD, "-c", "--clients", text="How many clients (10; one for subscribe).", metavar="N")
    ] = None
    client_id: Annotated[
        str | None,
        _option(CLIENTS, "--client-id", text="Pattern of client ids: {run} {group} {index}.", metavar="PATTERN"),
    ] = None
    keepalive: Annotated[
        str | None, _option(CLIENTS, "-k", "--keepalive", text="Keep-alive in seconds (60; 0: none).", metavar="TIME")
    ] = None
    keep_session: Annotated[
        bool, _option(CLIENTS, "--keep-session", text="Persistent sessions: connect with clean session off.")
    ] = False
    protocol: Annotated[
        str | None, _option(CLIENTS, "-V", "--protocol", text="MQTT version (3.1.1).", metavar="VERSION")
    ] = None
    will_topic: Annotated[
        str | None, _option(CLIENTS, "--will-topic", text="Topic of a will for every client.", metavar="TOPIC")
    ] = None
    will_payload: Annotated[str | None, _option(CLIENTS, "--will-payload", text="Its text.", metavar="TEXT")] = None
    will_qos: Annotated[int | None, _option(CLIENTS, "--will-qos", text="Its QoS (0).", metavar="0|1|2")] = None
    will_retain: Annotated[bool, _option(CLIENTS, "--will-retain", text="Have the will retained.")] = False
    connect_rate: Annotated[
        str | None,
        _option(
            CLIENTS,
            "-R",
            "--connect-rate",
            text="Connects per second of all clients (1000; 0: no pace).",
            metavar="RATE",
        ),
    ] = None
    connects_in_progress: Annotated[
        int | None,
        _option(CLIENTS, "--connects-in-progress", text="Connects under way at once, at most (64).", metavar="N"),
    ] = None
    connect_timeout: Annotated[
        str | None, _option(CLIENTS, "--connect-timeout", text="When to give a connect up (10s).", metavar="TIME")
    ] = None
    source_address: Annotated[
        list[str] | None,
        _option(
            CLIENTS,
            "--source-address",
            text="Local addresses to spread clients over, with commas; or auto for 127.0.0.0/8.",
            metavar="ADDRESS",
        ),
    ] = None
    ramp: Annotated[
        str | None, _option(TIME, "--ramp", text="Bring the clients in one by one over this time.", metavar="TIME")
    ] = None


@dataclass(frozen=True)
class Conversation:
    """What clients talk about."""

    qos: Annotated[int | None, _option(LOAD, "-q", "--qos", text="Quality of service (1).", metavar="0|1|2")] = None
    topic: Annotated[
        str | None,
        _option(
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
        _option(
            LOAD,
            "-I",
            "--interval",
            text="Between a client's messages: 6, 6s, 250ms (1s); 0: as fast as the window allows.",
            metavar="TIME",
        ),
    ] = None
    rate: Annotated[
        str | None,
        _option(LOAD, "-r", "--rate", text="Or messages per second and client: 0.166, 1/6.", metavar="RATE"),
    ] = None
    size: Annotated[
        str | None,
        _option(LOAD, "-s", "--size", text="Bytes of a payload: 500, 500~25 (normal), 100-900 (100).", metavar="SIZE"),
    ] = None
    messages: Annotated[
        int | None, _option(LOAD, "-n", "--messages", text="Messages per client, then it is done.", metavar="N")
    ] = None
    payload: Annotated[
        str | None,
        _option(
            LOAD, "--payload", text="random, hex, text, zero, file:PATH or module:function (random).", metavar="WHAT"
        ),
    ] = None
    retain: Annotated[bool, _option(LOAD, "--retain", text="Publish retained messages.")] = False
    inflight: Annotated[
        int | None,
        _option(LOAD, "-F", "--inflight", text="Unacknowledged messages of a client, at most (20).", metavar="N"),
    ] = None
    arrival: Annotated[
        str | None,
        _option(
            TIME, "--arrival", text="steady (spread evenly), random, jitter, poisson or burst (steady).", metavar="HOW"
        ),
    ] = None
    rate_ramp: Annotated[
        str | None, _option(TIME, "--rate-ramp", text="Let the rate grow from 0 over this time.", metavar="TIME")
    ] = None
    seed: Annotated[
        int | None, _option(TIME, "--seed", text="Draw the same random numbers as another run with it.", metavar="N")
    ] = None


@dataclass(frozen=True)
class Course:
    """How the attack goes in time."""

    duration: Annotated[
        str | None,
        _option(
            TIME, "-d", "--duration", text="How long to measure: 30, 10m, 1h30m (30s, or until -n).", metavar="TIME"
        ),
    ] = None
    warmup: Annotated[
        str | None, _option(TIME, "--warmup", text="Load before the measured time begins (0s).", metavar="TIME")
    ] = None
    surge: Annotated[
        list[str] | None,
        _option(
            TIME,
            "--surge",
            text="Add clients to the running load, and take them away again: 500@10m+5m. Can be repeated.",
            metavar="N@AT+HOLD",
        ),
    ] = None
    drain: Annotated[
        str | None,
        _option(TIME, "--drain", text="Wait for what is still under way, at most (10s).", metavar="TIME"),
    ] = None


@dataclass(frozen=True)
class Result:
    """What becomes of the outcome."""

    fail_if: Annotated[
        list[str] | None,
        _option(
            RESULT, "--fail-if", text="FAIL if this holds: 'ack.p99 > 500ms'. Can be repeated.", metavar="CONDITION"
        ),
    ] = None
    workers: Annotated[
        int | None, _option(RESULT, "--workers", text="Worker processes (one per core).", min=1, max=1024, metavar="N")
    ] = None
    output: Annotated[
        Path | None,
        _option(RESULT, "-o", "--output", text="The run's directory (runs/TIME-TITLE).", metavar="DIR"),
    ] = None
    json: Annotated[
        str | None, _option(RESULT, "--json", text="Write the summary as JSON to a file; - is stdout.", metavar="FILE")
    ] = None
    quiet: Annotated[
        bool, _option(RESULT, "--quiet", text="Print nothing but errors; the exit code has the verdict.")
    ] = False


def takes(*shapes: type) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Lets a command take shapes of options: each field becomes an option.

    The function gets the arguments as they were typed (a tuple of texts), then the shapes filled.
    """

    def expand(function: Callable[..., int]) -> Callable[..., int]:
        def command(context: typer.Context, **values: Any) -> int:
            filled = (shape(**{field.name: values[field.name] for field in fields(shape)}) for shape in shapes)
            return function(context.obj, *filled)

        parameters = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
        parameters += [_parameter(shape, field) for shape in shapes for field in fields(shape)]
        parameters.sort(key=_rank)
        command.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        command.__doc__, command.__name__ = function.__doc__, function.__name__
        return command

    return expand


def _parameter(shape: type, field: Field[Any]) -> inspect.Parameter:
    annotation = get_type_hints(shape, include_extras=True)[field.name]
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _rank(parameter: inspect.Parameter) -> int:
    """What must be said first, then the panels of the help in their order."""
    if parameter.default is inspect.Parameter.empty:
        return -1
    return PANELS.index(parameter.annotation.__metadata__[0].rich_help_panel)


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
