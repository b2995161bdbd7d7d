"""`malaria watch`: looks at a broker without making load."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from malaria.cli.attack_screen import console
from malaria.cli.options import (
    CLIENTS,
    PASSWORD_FLAGS,
    PASSWORD_VARIABLE,
    RESULT,
    TIME,
    Entry,
    load_options,
    option,
    takes,
)
from malaria.errors import OperatorError

if TYPE_CHECKING:
    from malaria.model.observe import Observe
    from malaria.observe.observers import ObservedTarget
    from malaria.observe.watch import ObservedRow
    from malaria.report.terminal.latest_readings import LatestReadings
    from malaria.transport.route import Route

EXAMPLES: Final = (
    "malaria watch localhost",
    "malaria watch broker --observe sys,process=ssh://me@broker/mosquitto,host=ssh://me@broker",
    "malaria watch broker --json-lines -d 1h",
    "malaria watch broker --prometheus :9464",
)
NOTHING_SEEN: Final = 4


@dataclass(frozen=True)
class WatchOptions:
    """What is looked at, and who we say we are."""

    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="The broker: host, host:port or a URL.", show_default=False),
    ]
    observe: Annotated[
        list[str] | None,
        option(
            RESULT,
            "--observe",
            text="With commas: sys, host, process=PID, NAME, :PORT or ssh://HOST/NAME, prometheus=URL, docker=NAME "
            "(of a broker on this machine: sys, host and its process).",
            metavar="WHAT",
        ),
    ] = None
    interval: Annotated[str | None, option(TIME, "--interval", text="Between two looks (1s).", metavar="TIME")] = None
    duration: Annotated[
        str | None, option(TIME, "-d", "--duration", text="How long (until Ctrl-C).", metavar="TIME")
    ] = None
    json_lines: Annotated[bool, option(RESULT, "--json-lines", text="One line of JSON for all that is seen.")] = False
    prometheus: Annotated[
        str | None,
        option(RESULT, "--prometheus", text="Serve it as a Prometheus page, at :9464 or HOST:PORT.", metavar="ADDRESS"),
    ] = None
    quiet: Annotated[bool, option(RESULT, "--quiet", text="Print nothing but errors.")] = False
    username: Annotated[str | None, option(CLIENTS, "-u", "--username", text="User name for $SYS.")] = None
    password: Annotated[
        str | None, option(CLIENTS, *PASSWORD_FLAGS, text="Its password.", envvar=PASSWORD_VARIABLE)
    ] = None


@takes(WatchOptions, Entry)
def watch(_: tuple[str, ...], post: WatchOptions, entry: Entry) -> int:
    """Look at a broker without making load: its own figures, its process, its host; live, until Ctrl-C.

    Exit code 4 when nothing at all could be seen.
    """
    from malaria.attack.interrupt import interruptible
    from malaria.observe.watch import WatchRequest
    from malaria.observe.watch import watch as look
    from malaria.outputs.prometheus_export import serving
    from malaria.report.terminal.latest_readings import LatestReadings
    from malaria.units import NotationError, parse_duration_ns

    view = _view(post, entry)
    try:
        wish = WatchRequest(view, None if post.duration is None else parse_duration_ns(post.duration))
    except NotationError as error:
        raise OperatorError(f"-d/--duration: {error.message}", error.remedy) from None
    sightings = LatestReadings()
    with interruptible() as interrupt, ExitStack() as stack:
        if post.prometheus is not None:
            stack.enter_context(serving(post.prometheus, lambda: sightings))
        seen = look(wish, _printer(post, sightings, stack), lambda: interrupt.count > 0)
    return 0 if seen else NOTHING_SEEN


def _view(post: WatchOptions, entry: Entry) -> ObservedTarget:
    from malaria.model.group_keys import Role
    from malaria.model.observe import observe_from_options
    from malaria.model.options import build_warhead
    from malaria.model.target import parse_target
    from malaria.observe.observers import ObservedTarget
    from malaria.transport.addresses import route_to

    target = parse_target(post.target).with_credentials(post.username, post.password)
    route = route_to(target)
    warhead = build_warhead(load_options(entry), Role.CONNECT).with_credentials(target.username, target.password)
    texts = [*(post.observe or ()), *([f"interval={post.interval}"] if post.interval else ())]
    return ObservedTarget(_stated(observe_from_options(texts), route), warhead, route)


def _stated(observe: Observe, route: Route) -> Observe:
    """What is watched by default is asked for here: who only watches wants to know why there is nothing to see."""
    from malaria.model.observe import NOTHING, ProcessChoice
    from malaria.observe.observers import is_local

    if observe == NOTHING:
        raise OperatorError("--observe none: there is nothing to watch", "leave it out, or name what to look at")
    if observe.only_stated:
        return observe
    here = {"process": ProcessChoice(), "host": True} if is_local(route.endpoints[0]) else {}
    return observe.model_copy(update={"sys": True} | here)


def _printer(
    post: WatchOptions, sightings: LatestReadings, stack: ExitStack
) -> Callable[[int, list[ObservedRow]], None]:
    """Who tells what is seen: a program's lines, a screen that redraws, or a line a second."""
    if post.json_lines:
        return _Programs(sightings)
    if post.quiet:
        return lambda _, rows: _take(sightings, rows)
    screen = console(None)
    if screen.is_terminal:
        from rich.live import Live

        live = stack.enter_context(Live(console=screen, auto_refresh=False))
        return _Screen(sightings, f"malaria watch {post.target.rpartition('@')[2]}", live)
    return _Lines(sightings)


def _take(sightings: LatestReadings, rows: list[ObservedRow]) -> None:
    for row in rows:
        sightings.take(row)


class _Programs:
    """A line of JSON for each row."""

    def __init__(self, sightings: LatestReadings) -> None:
        self._sightings = sightings

    def __call__(self, at_ns: int, rows: list[ObservedRow]) -> None:
        from malaria.clock import wall_ns
        from malaria.report.terminal.latest_readings import json_line

        _take(self._sightings, rows)
        now_ns = wall_ns()
        for row in rows:
            print(json_line(row, now_ns - at_ns + row.at_ns))
        sys.stdout.flush()


class _Screen:
    """One block that redraws in place."""

    def __init__(self, sightings: LatestReadings, title: str, live: Any) -> None:
        self._sightings, self._title, self._live = sightings, title, live

    def __call__(self, at_ns: int, rows: list[ObservedRow]) -> None:
        _take(self._sightings, rows)
        if rows:
            self._live.update(self._sightings.block(self._title, at_ns), refresh=True)


class _Lines:
    """One plain line a second, and what happens as it happens."""

    def __init__(self, sightings: LatestReadings) -> None:
        self._sightings = sightings
        self._told_ns = 0

    def __call__(self, at_ns: int, rows: list[ObservedRow]) -> None:
        from malaria.clock import NS_PER_S
        from malaria.records.rows import Event
        from malaria.report.terminal.live_view import event_line

        _take(self._sightings, rows)
        for row in rows:
            if isinstance(row, Event):
                print(event_line(row), flush=True)
        if at_ns - self._told_ns >= NS_PER_S and (self._sightings.readings or self._sightings.gaps):
            self._told_ns = at_ns
            print(self._sightings.line(at_ns), flush=True)


def add_to(app: typer.Typer) -> None:
    app.command("watch", short_help="look at a broker without making load", epilog="\n\n".join(EXAMPLES))(watch)
