"""`malaria demo`: a broker, a small campaign, a page; on a machine with nothing installed."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.perform import (
    MARKDOWN,
    PAGE,
    console,
    default_workers,
    exit_code,
    fresh_directory,
    say_page,
    write_json,
)
from malaria.cli.stored import campaign_in

if TYPE_CHECKING:
    from rich.console import Console

    from malaria.records import Progress

EXAMPLES: Final = ("malaria demo", "malaria demo --no-open -o /tmp/demo")
TITLE: Final = "malaria demo"


def demo(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="The run's directory (runs/TIME-demo).", show_default=False),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the summary as JSON; - is stdout.", show_default=False),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.", show_default=False)] = False,
    show: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the page (on a desktop, yes).", show_default=False),
    ] = None,
) -> int:
    """Start a broker on this machine, attack it at three levels, and write a page. Needs nothing, takes a minute."""
    from malaria.attack import interruptible
    from malaria.broker import start_default
    from malaria.campaign import run_demo
    from malaria.report.figures import name_and_version
    from malaria.report.html import write_campaign_page
    from malaria.report.markdown import write_campaign_markdown
    from malaria.report.terminal import print_summary

    directory = output or fresh_directory("demo", datetime.now())
    screen = console(json)
    with interruptible() as interrupt, start_default() as broker, ExitStack() as views:
        watch = _watcher(f"{TITLE} · {name_and_version(broker.name, broker.version or '')}", screen, quiet, views)
        outcome = run_demo(broker, directory, default_workers(100), watch, interrupt)
    if not outcome.levels:
        raise typer.Abort
    levels = {level.directory.name: (level.records, level.summary) for level in outcome.levels}
    campaign = replace(campaign_in(directory, [level.directory for level in outcome.levels]), title=TITLE)
    write_campaign_page(campaign, levels, directory / PAGE)
    write_campaign_markdown(campaign, levels, directory / MARKDOWN)
    if not quiet:
        print_summary(outcome.levels[-1].records, outcome.summary, screen)
        say_page(directory, screen)
    write_json(outcome.summary, json)
    if _wants_to_see(show) and not quiet:
        webbrowser.open((directory / PAGE).resolve().as_uri())
    return exit_code(outcome.summary)


def _watcher(
    title: str, screen: Console, quiet: bool, views: ExitStack
) -> Callable[[int, str], Callable[[Progress], None]]:
    """For each level a live view of its own, which ends when the next one begins."""
    from malaria.report.live import LiveView

    def watch(number: int, load: str) -> Callable[[Progress], None]:
        views.close()
        view: LiveView = views.enter_context(LiveView(f"{title} · level {number}", load, screen, quiet))
        return view.update

    return watch


def _wants_to_see(said: bool | None) -> bool:
    """A page is opened by itself only where somebody sits before a screen."""
    if said is not None:
        return said
    desktop = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return desktop and sys.stdout.isatty()


def add_to(app: typer.Typer) -> None:
    app.command(
        "demo", short_help="a broker, a small campaign and a page, on this machine", epilog="\n\n".join(EXAMPLES)
    )(demo)
