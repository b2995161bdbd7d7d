"""`malaria report`: the page of a stored run, made anew."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from malaria.cli.attack_screen import console, say_page, write_json
from malaria.cli.stored import RunArgument, campaign_in, chosen, is_campaign, levels_in
from malaria.errors import RunError

EXAMPLES: Final = ("malaria report", "malaria report runs/2026-11-22T1751-meters -o /tmp/page")


def report(
    run: RunArgument = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where to write (the run's directory).", show_default=False),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the summary as JSON; - is stdout.", show_default=False),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.", show_default=False)] = False,
) -> int:
    """Write report.html, report.md and summary.json from the records of a run, and print its summary."""
    directory = chosen(run)
    into = output or directory
    into.mkdir(parents=True, exist_ok=True)
    whole = _campaign if is_campaign(directory) else _attack
    summary = whole(directory, into, json, quiet)
    write_json(summary, json)
    if not quiet:
        say_page(into, console(json))
    return 0


def _attack(directory: Path, into: Path, json: str | None, quiet: bool) -> object:
    from malaria.analysis.summary import summarize
    from malaria.outputs.files import write_attack_files
    from malaria.records.store import open_run
    from malaria.report.terminal.run_summary import print_summary

    records = open_run(directory)
    summary = dict(summarize(records))
    if not quiet:
        print_summary(records, summary, console(json))
    write_attack_files(records, summary, into)
    return summary


def _campaign(directory: Path, into: Path, json: str | None, quiet: bool) -> object:
    """A part that cannot be read is named, and does not hide the others."""
    from malaria.analysis.summary import summarize
    from malaria.outputs.files import write_campaign_files
    from malaria.records.store import open_run
    from malaria.report.terminal.run_summary import print_levels

    runs = {}
    for path in levels_in(directory):
        try:
            records = open_run(path)
            runs[path.name] = (records, dict(summarize(records)))
        except RunError as error:
            print(f"error: {error.message}", file=sys.stderr)
    summary = write_campaign_files(campaign_in(directory), runs, into)
    if not quiet:
        print_levels(summary, console(json))
    return summary


def add_to(app: typer.Typer) -> None:
    app.command("report", short_help="make the page of a stored run anew", epilog="\n\n".join(EXAMPLES))(report)
