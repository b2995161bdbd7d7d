"""Parameters of the command line: the load options of `malaria.model.option_table`, and those that only commands have.

Values stay as typed; the model reads them, so that the same rules hold for files and options.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import typer
from typer.models import ArgumentInfo

from malaria.cli.foreign_topics import own_topics
from malaria.cli.live_outputs import LiveOutputs
from malaria.cli.result_files import ResultFiles
from malaria.errors import OperatorError
from malaria.model.option_table import MOST_WORKERS, OPTIONS, LoadOption, LoadOptions, Panel, ValueKind, options_of
from malaria.swarm.run.chosen_bees import ChosenBees
from malaria.units import NotationError, parse_count

LOAD: Final = Panel.LOAD
CLIENTS: Final = Panel.CLIENTS
TIME: Final = Panel.TIME
RESULT: Final = Panel.RESULT
PANELS: Final = tuple(Panel)
PASSWORD_VARIABLE: Final = "MALARIA_PASSWORD"
PASSWORD_FLAGS: Final = ("-P", "--password")
SECRET_FLAGS: Final = (
    *PASSWORD_FLAGS,
    *(flag for option in OPTIONS.values() if option.secret for flag in option.flags),
)


def option(panel: str, *names: str, text: str, **more: Any) -> Any:
    """Make an option in a section of the help."""
    return typer.Option(*names, help=text, show_default=False, rich_help_panel=panel, **more)


# options that several commands have: each is a field of their shapes
Allowed = Annotated[
    int,
    option(
        CLIENTS,
        "--i-am-allowed-to-load-this-broker",
        text="Allow one of the well-known public brokers as target. Must be given twice.",
        count=True,
    ),
]
Password = Annotated[
    str | None,
    option(
        CLIENTS, *PASSWORD_FLAGS, text="Password of --username; safer in the environment.", envvar=PASSWORD_VARIABLE
    ),
]
Workers = Annotated[
    int | None,
    option(
        RESULT,
        "--workers",
        text="Worker processes, with --swarm of each bee (one per core).",
        min=1,
        max=MOST_WORKERS,
        metavar="N",
    ),
]
SwarmName = Annotated[
    str | None, option(RESULT, "--swarm", text="Make the load on the bees of this swarm.", metavar="NAME")
]
Bees = Annotated[
    list[str] | None,
    option(RESULT, "--bee", text="Limit the swarm to this bee (repeatable).", metavar="NAME"),
]
WithoutBees = Annotated[
    list[str] | None,
    option(RESULT, "--without", text="Leave this bee of the swarm out (repeatable).", metavar="NAME"),
]
KnockFrom = Annotated[
    str | None,
    option(RESULT, "--knock-from", text="Let this bee look at the target first, not this machine.", metavar="NAME"),
]
Scheduler = Annotated[
    str | None,
    option(RESULT, "--scheduler", text="Make the load on a Dask cluster: tls://HOST:PORT.", metavar="ADDRESS"),
]
Overwrite = Annotated[
    bool, option(RESULT, "--overwrite", text="Replace the run that the directory of -o holds; nothing else in it.")
]
JsonFile = Annotated[
    str | None, option(RESULT, "--json", text="Write the summary as JSON to this file; - is stdout.", metavar="FILE")
]
JunitFile = Annotated[
    str | None,
    option(RESULT, "--junit", text="Write the conditions as test cases (JUnit XML) to this file.", metavar="FILE"),
]
PrometheusAddress = Annotated[
    str | None,
    option(
        RESULT,
        "--prometheus",
        text="Serve the figures while it runs as a Prometheus page, at :9464 (loopback only) or ADDRESS:PORT.",
        metavar="ADDRESS",
    ),
]
JsonLinesFile = Annotated[
    str | None,
    option(
        RESULT,
        "--json-lines",
        text="Write a line of JSON each second and for each mark to this file; - is stdout.",
        metavar="FILE",
    ),
]
OtlpUrl = Annotated[
    str | None,
    option(
        RESULT,
        "--otlp",
        text="Push the figures to an OpenTelemetry collector; tokens in OTEL_EXPORTER_OTLP_HEADERS (extra: otel).",
        metavar="URL",
    ),
]
GrafanaUrl = Annotated[
    str | None,
    option(
        RESULT,
        "--grafana",
        text="Post the marks to this Grafana as annotations; its token in GRAFANA_TOKEN.",
        metavar="URL",
    ),
]
ObserverNames = Annotated[
    list[str] | None,
    option(
        RESULT,
        "--observe",
        text="Observers, separated by commas: sys, host, process=P (PID, name, :port or ssh://host/name), "
        "prometheus=URL, docker=NAME, perf=10s (of an attack alone); or none. "
        "Default: sys, and for a broker on this machine host and its process.",
        metavar="WHAT",
    ),
]
NoWait = Annotated[bool, option(RESULT, "--no-wait", text="End without waiting for the broker's last $SYS figures.")]
Tui = Annotated[bool, option(RESULT, "--tui", text="Show the load full-screen, with keys to change it (extra: tui).")]
Quiet = Annotated[bool, option(RESULT, "--quiet", text="Print only errors, and one line when the verdict is not PASS.")]


@dataclass(frozen=True)
class Where:
    """The broker, and the login."""

    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="The broker: host, host:port, or mqtt:// mqtts:// ws:// wss:// user:password@host:port/path. "
            "Several addresses: a:1883,b:1883.",
            show_default=False,
        ),
    ] = None
    username: Annotated[str | None, option(CLIENTS, "-u", "--username", text="User name for every client.")] = None
    password: Password = None
    allowed: Allowed = 0


@dataclass(frozen=True)
class FromFile:
    """The warhead file."""

    warhead: Annotated[
        Path | None,
        option(LOAD, "-w", "--warhead", text="Load from this TOML file; options override it.", metavar="FILE"),
    ] = None
    no_subscriber: Annotated[
        bool,
        option(LOAD, "--no-subscriber", text="Do not add a subscriber to the publishers: deliveries are not measured."),
    ] = False


@dataclass(frozen=True)
class Makers:
    """Options for the makers of the load."""

    workers: Workers = None
    swarm: SwarmName = None
    scheduler: Scheduler = None
    bee: Bees = None
    without: WithoutBees = None
    knock_from: KnockFrom = None

    @property
    def bees(self) -> ChosenBees:
        bees, without = tuple(self.bee or ()), tuple(self.without or ())
        return ChosenBees(self.swarm, self.scheduler, self.workers, bees, without, self.knock_from)


@dataclass(frozen=True)
class Result(Makers):
    """Options for the makers of the load and for the results."""

    output: Annotated[
        Path | None,
        option(RESULT, "-o", "--output", text="Directory of the run (runs/TIME-TITLE).", metavar="DIR"),
    ] = None
    overwrite: Overwrite = False
    observe: ObserverNames = None
    no_wait: NoWait = False
    json: JsonFile = None
    junit: JunitFile = None
    tui: Tui = False
    prometheus: PrometheusAddress = None
    json_lines: JsonLinesFile = None
    otlp: OtlpUrl = None
    grafana: GrafanaUrl = None
    quiet: Quiet = False

    @property
    def files(self) -> ResultFiles:
        return ResultFiles(self.json, self.junit)

    @property
    def live(self) -> LiveOutputs:
        return LiveOutputs(self.prometheus, self.json_lines, self.otlp, self.grafana)


@dataclass(frozen=True)
class Titled:
    """The title of the run."""

    title: Annotated[
        str | None,
        option(RESULT, "--title", text="Title of the run, for its page and its directory.", metavar="TEXT"),
    ] = None


HOW: Final = frozenset({field.name for field in fields(Result)} - {"output", "overwrite", "observe"})
"""Fields of `Result` for how a load is made and shown. What goes on takes them; its record is where it was."""


def takes(*shapes: type, load: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the options of these shapes, one for each field, and the load options of the command `load`.

    The function is called with the arguments as they were typed (a tuple of texts), the shapes filled, and the
    LoadOptions.
    """

    def expand(function: Callable[..., int]) -> Callable[..., int]:
        def command(context: typer.Context, **values: Any) -> int:
            # what is left of the values are load options
            filled = [shape(**{field.name: values.pop(field.name) for field in fields(shape)}) for shape in shapes]
            if values.get("topic"):
                values["topic"] = own_topics(values["topic"])
            return function(context.obj, *filled, LoadOptions(**values))

        parameters = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
        parameters += [parameter for shape in shapes for parameter in _parameters(shape)]
        parameters += [_load_parameter(entry) for entry in options_of(load)]
        # help lists options in this order; the sort is stable within a section
        parameters.sort(key=_rank)
        # typer makes its options from signature and annotations
        command.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        command.__doc__, command.__name__ = function.__doc__, function.__name__
        return command

    return expand


_TYPES: Final[dict[ValueKind, tuple[Any, Any]]] = {
    ValueKind.TEXT: (str | None, None),
    ValueKind.NUMBER: (int | None, None),
    ValueKind.SWITCH: (bool, False),
    ValueKind.TEXTS: (list[str] | None, None),
}
"""Kind of value -> type and default of its parameter."""


def _count_of(flag: str) -> Callable[[str | int], int]:
    """Return a function that reads the number of an option. It raises OperatorError, which names the option."""

    def read(text: str | int) -> int:
        try:
            return parse_count(text)
        except NotationError as error:
            raise OperatorError(f"{flag}: {error.message}", error.remedy) from None

    return read


@cache
def _load_parameter(entry: LoadOption) -> inspect.Parameter:
    kind, default = _TYPES[entry.kind]
    more = {"parser": _count_of(entry.flag)} if entry.kind is ValueKind.NUMBER else {}
    made = option(entry.panel, *entry.flags, text=entry.help, metavar=entry.metavar, envvar=entry.variable, **more)
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(entry.name, keyword, default=default, annotation=Annotated[kind, made])


@cache
def _parameters(shape: type) -> tuple[inspect.Parameter, ...]:
    """Make a parameter for each field. Reading the annotations is slow, so it is done once."""
    annotations = get_type_hints(shape, include_extras=True)
    return tuple(_parameter(field, annotations[field.name]) for field in fields(shape))


def _parameter(field: Field[Any], annotation: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _rank(parameter: inspect.Parameter) -> int:
    """Sort arguments first, then options by the section of the help."""
    if parameter.annotation is typer.Context:
        return -1
    (what,) = parameter.annotation.__metadata__
    return -1 if isinstance(what, ArgumentInfo) else PANELS.index(what.rich_help_panel)
