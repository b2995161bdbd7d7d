"""`malaria watch`: observe a broker without making load."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.options import (
    CLIENTS,
    PASSWORD_FLAGS,
    PASSWORD_VARIABLE,
    RESULT,
    TIME,
    ObserverNames,
    option,
    takes,
)
from malaria.cli.output import console, output_lost, print_line
from malaria.cli.web_view import WebView
from malaria.errors import OperatorError
from malaria.model.option_table import LoadOptions

if TYPE_CHECKING:
    from malaria.observe.target_observers import ObservedTarget
    from malaria.report.terminal.latest_readings import LatestReadings
    from malaria.report.terminal.watch_output import WatchOutput

EXAMPLES: Final = (
    "malaria watch localhost",
    "malaria watch broker --observe sys,process=ssh://me@broker/mosquitto,host=ssh://me@broker",
    "malaria watch broker --json-lines -d 1h",
    "malaria watch broker --prometheus :9464",
)
NOTHING_SEEN: Final = 4


@dataclass(frozen=True)
class WatchOptions:
    """The broker to observe, how to log in, and how to show it."""

    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="The broker: host, host:port or a URL.", show_default=False),
    ]
    observe: ObserverNames = None
    interval: Annotated[
        str | None, option(TIME, "--interval", text="Time between two samples (1s).", metavar="TIME")
    ] = None
    duration: Annotated[
        str | None, option(TIME, "-d", "--duration", text="How long to observe (until Ctrl-C).", metavar="TIME")
    ] = None
    json_lines: Annotated[bool, option(RESULT, "--json-lines", text="Print one line of JSON per sample.")] = False
    prometheus: Annotated[
        str | None,
        option(
            RESULT,
            "--prometheus",
            text="Serve the readings as a Prometheus page, at :9464 (loopback only) or ADDRESS:PORT.",
            metavar="ADDRESS",
        ),
    ] = None
    quiet: Annotated[bool, option(RESULT, "--quiet", text="Print nothing but errors.")] = False
    username: Annotated[str | None, option(CLIENTS, "-u", "--username", text="User name for $SYS.")] = None
    password: Annotated[
        str | None, option(CLIENTS, *PASSWORD_FLAGS, text="Password for $SYS.", envvar=PASSWORD_VARIABLE)
    ] = None


@takes(WatchOptions, WebView, load="watch")
def watch(_: tuple[str, ...], asked: WatchOptions, view: WebView, load: LoadOptions) -> int:
    """Observe a broker without making load: its own figures, its process, its host; live, until Ctrl-C.

    Exit code 4 if nothing could be observed.
    """
    from malaria.attacks.interrupt import interruptible
    from malaria.observe import watching
    from malaria.outputs.prometheus_export import MetricsPage, ReadingsCollector, serving
    from malaria.report.terminal.latest_readings import LatestReadings
    from malaria.units import NotationError, parse_duration_ns

    target = _target(asked, load)
    try:
        duration_ns = None if asked.duration is None else parse_duration_ns(asked.duration)
    except NotationError as error:
        raise OperatorError(f"-d/--duration: {error.message}", error.remedy) from None
    latest = LatestReadings()
    with interruptible() as interrupt, ExitStack() as stack:
        if asked.prometheus is not None:
            # before the first sample: an address in use must be an error at once
            stack.enter_context(serving(asked.prometheus, MetricsPage(ReadingsCollector(lambda: latest))))
        web = stack.enter_context(view.watching(f"malaria watch {shown_target(asked)}", latest))
        request = watching.WatchRequest(target, duration_ns)
        on_rows = web.watching(_output(asked, latest, stack))
        seen = watching.watch(request, on_rows, lambda: interrupt.count > 0 or output_lost())
    return 0 if seen else NOTHING_SEEN


def shown_target(asked: WatchOptions) -> str:
    """Return the target without its login."""
    return asked.target.rpartition("@")[2]


def _target(asked: WatchOptions, load: LoadOptions) -> ObservedTarget:
    from malaria.model.group_keys import Role
    from malaria.model.observe import observe_from_options
    from malaria.model.target import parse_target
    from malaria.model.warhead_options import build_warhead
    from malaria.observe.target_observers import ObservedTarget
    from malaria.observe.watching import with_defaults_stated
    from malaria.transport.resolver import route_to

    target = parse_target(asked.target).with_credentials(asked.username, asked.password)
    route = route_to(target)
    # the observer of $SYS logs in like a client, with the same TLS options
    warhead = build_warhead(load, Role.CONNECT).with_credentials(target.username, target.password)
    observe = observe_from_options(
        [*(asked.observe or ()), *([f"interval={asked.interval}"] if asked.interval else ())]
    )
    return ObservedTarget(with_defaults_stated(observe, route), warhead, route)


def _output(asked: WatchOptions, latest: LatestReadings, stack: ExitStack) -> WatchOutput:
    """Return the output: JSON for programs, a screen that redraws on a terminal, else a line a second."""
    from malaria.report.terminal import watch_output

    if asked.json_lines:
        return watch_output.JsonLines(latest, print_line)
    if asked.quiet:
        return watch_output.WatchOutput(latest)
    screen = console(None)
    # a log cannot be redrawn
    if not screen.is_terminal:
        return watch_output.PlainLines(latest, print_line)
    from rich.live import Live

    live = stack.enter_context(Live(console=screen, auto_refresh=False))
    return watch_output.WatchScreen(latest, f"malaria watch {shown_target(asked)}", live)


def add_to(app: typer.Typer) -> None:
    app.command("watch", short_help="observe a broker without making load", epilog="\n\n".join(EXAMPLES))(watch)
