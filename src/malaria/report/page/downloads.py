"""The files that a page carries inside: the summary, and a row for each second."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Final

from malaria.analysis.summary_figures import Summary
from malaria.report.charts.time_panels import SeriesColumns
from malaria.report.page.page_elements import DownloadLink, download_link

LARGE_BYTES: Final = 100_000
"""A longer series is compressed, so that the page stays small."""


def raw_data(series: SeriesColumns, summary: Summary, prefix: str = "") -> tuple[DownloadLink, ...]:
    """Return both files; `prefix` makes the names of a level's files unique."""
    rows = series_csv(series).encode()
    # the browser saves it from the page itself, without a request
    label = "series.csv, a row for each second"
    if len(rows) > LARGE_BYTES:
        packed = gzip.compress(rows, mtime=0)  # no time stamp: the same run gives the same page
        table = download_link(f"{prefix}series.csv.gz", "application/gzip", packed, f"{label} (gzip)")
    else:
        table = download_link(f"{prefix}series.csv", "text/csv", rows, label)
    figures = json.dumps(summary.as_json(), indent=2, allow_nan=False).encode()
    return download_link(f"{prefix}summary.json", "application/json", figures, "summary.json"), table


def series_csv(series: SeriesColumns) -> str:
    """Return one row for each second; an empty field is unknown."""
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(series)
    writer.writerows(zip(*series.values(), strict=True))
    return rows.getvalue()
