"""`malaria export`: the figures of a stored run, for other programs."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from malaria.cli.attack_screen import STDOUT
from malaria.cli.stored import RunArgument, one_run
from malaria.errors import OperatorError

if TYPE_CHECKING:
    from malaria.records.run import Run

EXAMPLES: Final = ("malaria export > series.csv", "malaria export runs/2026-11-22T1751-meters -o meters.json")
DEFAULT_FORMAT: Final = "csv"

type Columns = Mapping[str, Sequence[Any]]


def export(
    run: RunArgument = None,
    form: Annotated[
        str | None,
        typer.Option(
            "-f",
            "--format",
            metavar="csv|json|parquet",
            help="csv and parquet: a row per second; json: all that is known (from the name of FILE, else csv).",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="Where to write; - is stdout.", show_default=False)
    ] = STDOUT,
) -> int:
    """Write a run's figures as CSV, JSON or Parquet."""
    name = form or Path(output).suffix.removeprefix(".") or DEFAULT_FORMAT
    if name not in WRITERS:
        raise OperatorError(f"--format: {name!r} is no format", f"write {', '.join(WRITERS)}")
    directory, records = one_run(run)
    content = WRITERS[name](records)
    if output != STDOUT:
        Path(output).write_bytes(content)
    elif name == "parquet":
        raise OperatorError("Parquet is not for a terminal", f"give -o FILE, such as {directory.name}.parquet")
    else:
        sys.stdout.write(content.decode())
    return 0


def _csv(records: Run) -> bytes:
    """Unknown values are empty."""
    columns = _columns(records)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _json(records: Run) -> bytes:
    from malaria.analysis.summary import summarize
    from malaria.outputs.files import json_text

    everything = {
        "summary": dict(summarize(records)),
        "meta": records.meta.known(),
        "series": dict(_columns(records)),
        "events": [asdict(event) for event in records.events],
        "ledger": None if records.ledger is None else asdict(records.ledger),
    }
    return json_text(everything).encode()


def _parquet(records: Run) -> bytes:
    try:
        parquet = import_module("pyarrow.parquet")
        table = import_module("pyarrow").table(dict(_columns(records)))
    except ImportError:
        remedy = "install it: pip install 'mqtt-malaria[parquet]', or use --format csv"
        raise OperatorError("Parquet needs pyarrow, which is not installed", remedy) from None
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def _columns(records: Run) -> Columns:
    from malaria.analysis.series import columns

    return columns(records)


WRITERS: Final[Mapping[str, Callable[[Run], bytes]]] = {"csv": _csv, "json": _json, "parquet": _parquet}


def add_to(app: typer.Typer) -> None:
    app.command("export", short_help="figures of a stored run as CSV, JSON or Parquet", epilog="\n\n".join(EXAMPLES))(
        export
    )
