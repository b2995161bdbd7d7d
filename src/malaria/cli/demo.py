"""`malaria demo`: run a small campaign against a broker started for it, on a machine with nothing else installed."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Final

import typer

from malaria.cli.attack_screen import RUNS
from malaria.cli.campaign_screen import Showing, perform_campaign
from malaria.cli.result_files import ResultFiles
from malaria.cli.web_view import WebView
from malaria.workers.worker_count import workers_for

EXAMPLES: Final = ("malaria demo", "malaria demo --web", "malaria demo --no-open -o /tmp/demo")
TITLE: Final = "malaria demo"


def demo(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Run directory (runs/TIME-demo).", show_default=False),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the summary as JSON (-: stdout).", show_default=False),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.", show_default=False)] = False,
    show: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open", help="Open the page in a browser (default: only on a desktop).", show_default=False
        ),
    ] = None,
    web: Annotated[
        str | None,
        typer.Option(
            "--web", metavar="[ADDR:PORT]", help="Show it live in a browser (127.0.0.1:7654).", show_default=False
        ),
    ] = None,
) -> int:
    """Start a broker on this machine, load it at three levels, and write a page. Takes about a minute."""
    from malaria.campaigns import demo_request
    from malaria.outputs.files import PAGE
    from malaria.outputs.run_directory import run_directory

    with run_directory(output, RUNS, "demo") as directory:
        showing = Showing(TITLE, ResultFiles(json), quiet, view=WebView(web))
        code = perform_campaign(demo_request(directory, workers_for(None)), showing)
    # after the directory is complete: the browser reads it at once
    if _opens_page(show, quiet=quiet):
        webbrowser.open((directory / PAGE).resolve().as_uri())
    return code


def _opens_page(stated: bool | None, *, quiet: bool) -> bool:
    """Return the stated choice; by default a page is opened only on a desktop with a terminal, and not with --quiet."""
    if stated is not None:
        return stated
    # over ssh a text browser would take over the terminal
    desktop = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return desktop and sys.stdout.isatty() and not quiet


def add_to(app: typer.Typer) -> None:
    app.command("demo", short_help="run a small campaign on this machine, with a page", epilog="\n\n".join(EXAMPLES))(
        demo
    )
