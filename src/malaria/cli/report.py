"""The command `malaria report`: write the page of a stored run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from malaria.cli.attack_screen import say_page
from malaria.cli.output import console, print_error
from malaria.cli.result_files import write_json
from malaria.cli.stored import RunArgument, campaign_in, chosen, is_campaign, levels_in

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
    from malaria.outputs.rewriting import rewrite_attack, rewrite_campaign
    from malaria.report.terminal.campaign_summary import print_campaign
    from malaria.report.terminal.run_summary import print_summary

    directory, screen = chosen(run), console(json)
    into = output or directory
    into.mkdir(parents=True, exist_ok=True)
    # a part of a campaign can be named too: it is an attack
    if is_campaign(directory):
        summary = rewrite_campaign(campaign_in(directory), levels_in(directory), into, print_error)
        if not quiet:
            print_campaign(summary, screen)
    else:
        attack_run, summary = rewrite_attack(directory, into)
        if not quiet:
            print_summary(attack_run, summary, screen)
    write_json(summary.as_json(), json)
    if not quiet:
        say_page(into, screen)
    return 0


def add_to(app: typer.Typer) -> None:
    app.command("report", short_help="write the page of a stored run again", epilog="\n\n".join(EXAMPLES))(report)
