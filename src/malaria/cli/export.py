"""The command `malaria export`: write the figures of a stored run for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from malaria.cli.output import STDOUT, write_text
from malaria.cli.stored import RunArgument, one_run
from malaria.errors import OperatorError

EXAMPLES: Final = ("malaria export > series.csv", "malaria export runs/2026-11-22T1751-meters -o meters.json")
DEFAULT_FORMAT: Final = "csv"


def export(
    run: RunArgument = None,
    form: Annotated[
        str | None,
        typer.Option(
            "-f",
            "--format",
            metavar="NAME",
            help="csv, parquet: a row per second. json: everything. junit: the conditions as test cases. bencher, "
            "github-benchmark, openmetrics: figures to follow over commits. (By the name of FILE, else csv.)",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="File to write; - is stdout.", show_default=False)
    ] = STDOUT,
) -> int:
    """Write a run's figures for other programs."""
    from malaria.outputs.export_formats import BINARY, FORMATS

    # the name of the file says the format: meters.json
    name = form or Path(output).suffix.removeprefix(".") or DEFAULT_FORMAT
    if name not in FORMATS:
        raise OperatorError(f"--format: {name!r} is not a format", f"choose {', '.join(FORMATS)}")
    directory, stored_run = one_run(run)
    if output == STDOUT and name in BINARY:
        raise OperatorError("Parquet cannot be written to a terminal", f"give a file: -o {directory.name}.parquet")
    content = FORMATS[name](stored_run)
    if output == STDOUT:
        write_text(content.decode())
    else:
        Path(output).write_bytes(content)
    return 0


def add_to(app: typer.Typer) -> None:
    app.command("export", short_help="figures of a stored run for other programs", epilog="\n\n".join(EXAMPLES))(export)
