"""The command `malaria runs`: list the stored runs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import RUNS
from malaria.cli.output import console
from malaria.cli.result_files import write_json

if TYPE_CHECKING:
    from rich.table import Table

    from malaria.records.store import RunEntry

EXAMPLES: Final = ("malaria runs", "malaria runs /srv/load-tests --json -")
UNKNOWN: Final = "-"
WIDEST: Final = 10_000
"""The width of a line for a pipe or a file: wide enough for every row."""
STYLES: Final = {"PASS": "green", "FAIL": "red", "INVALID": "yellow", "UNKNOWN": "yellow"}


def runs(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="Where to look.")] = RUNS,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the list as JSON; - is stdout.", show_default=False),
    ] = None,
) -> int:
    """List the stored runs and campaigns, the newest last."""
    from malaria.records.campaign_store import list_campaigns
    from malaria.records.store import list_runs

    entries = sorted([*list_campaigns(root), *list_runs(root)], key=lambda entry: entry.started or "")
    screen = console(json)
    # an empty list is valid JSON, so it comes before the sentence for people
    if json is not None:
        write_json([asdict(entry) | {"directory": str(entry.directory)} for entry in entries], json)
    elif entries:
        # in a pipe, each run is one line
        if not screen.is_terminal:
            screen.width = WIDEST
        screen.print(_table(entries))
    else:
        screen.print(f"no run below {root}", highlight=False, markup=False)
    return 0


def _table(entries: list[RunEntry]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("started", "title", "verdict", "target", "run", box=None, pad_edge=False)
    for entry in entries:
        outcome = entry.outcome or UNKNOWN
        cells = [entry.started or UNKNOWN, entry.title or UNKNOWN, outcome, entry.target or UNKNOWN]
        # a path that is cut off cannot be copied
        texts = [Text(cell, overflow="fold") for cell in (*cells, str(entry.directory))]
        texts[2].stylize(STYLES.get(outcome, "dim"))
        table.add_row(*texts)
    return table


def add_to(app: typer.Typer) -> None:
    app.command("runs", short_help="list the stored runs", epilog="\n\n".join(EXAMPLES))(runs)
