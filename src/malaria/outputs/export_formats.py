"""The figures of a run in formats that other programs read, by the names that `malaria export --format` has."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib import import_module
from typing import Final

from malaria.analysis.series import columns
from malaria.analysis.summary import summarize
from malaria.errors import OperatorError
from malaria.outputs.benchmark_formats import to_bencher, to_github_benchmark, to_openmetrics
from malaria.outputs.files import json_text
from malaria.outputs.junit_report import to_junit
from malaria.records.run import Run
from malaria.report.page.downloads import series_csv


def to_csv(run: Run) -> bytes:
    """Return a row per second. Unknown values are empty."""
    return series_csv(columns(run)).encode()


def to_json(run: Run) -> bytes:
    """Return everything that is known of the run, and under `damage` what of it could not be read."""
    everything = {
        "summary": summarize(run).as_json(),
        "meta": run.meta.known(),
        "series": dict(columns(run)),
        "events": [asdict(event) for event in run.events],
        "damage": [asdict(part) | {"facts": sorted(part.facts)} for part in run.damage.tables],
        "ledger": None if run.ledger is None else asdict(run.ledger),
    }
    return json_text(everything).encode()


def to_parquet(run: Run) -> bytes:
    """Return a row per second. Raises OperatorError if pyarrow is not installed."""
    try:
        parquet = import_module("pyarrow.parquet")
        table = import_module("pyarrow").table(dict(columns(run)))
    except ImportError:
        remedy = "install it: pip install 'mqtt-malaria[parquet]', or use --format csv"
        raise OperatorError("Parquet needs pyarrow, which is not installed", remedy) from None
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


FORMATS: Final[Mapping[str, Callable[[Run], bytes]]] = {
    "csv": to_csv,
    "json": to_json,
    "parquet": to_parquet,
    "junit": to_junit,
    "bencher": to_bencher,
    "github-benchmark": to_github_benchmark,
    "openmetrics": to_openmetrics,
}
BINARY: Final = frozenset({"parquet"})
"""Formats that do not belong on a terminal."""
