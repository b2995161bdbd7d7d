"""The files that a reader can save from a page: the summary, and a row for each second."""

from __future__ import annotations

import csv
import io
import json

from malaria.analysis.summary_figures import Summary
from malaria.report.charts.time_panels import SeriesColumns
from malaria.report.page.page_data import PageData
from malaria.report.page.page_elements import DownloadLink


def downloads(suffix: str) -> tuple[DownloadLink, ...]:
    """Return the links to both files; `suffix` makes the names of a level's files unique."""
    prefix = f"level{suffix}-" if suffix else ""
    return (
        DownloadLink(f"{prefix}summary.json", "summary.json", file=f"summary{suffix}"),
        DownloadLink(f"{prefix}series.csv", "series.csv, a row for each second", table=series_table(suffix)),
    )


def series_table(suffix: str) -> str:
    """Return the name of the table in the page that has the series of an attack."""
    return f"series{suffix}"


def download_data(series: SeriesColumns, summary: Summary, suffix: str) -> PageData:
    """Return what the links of `downloads` lead to."""
    figures = json.dumps(summary.as_json(), indent=2, allow_nan=False)
    return PageData(tables={series_table(suffix): series}, files={f"summary{suffix}": figures})


def series_csv(series: SeriesColumns) -> str:
    """Return one row for each second; an empty field is unknown."""
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(series)
    writer.writerows(zip(*series.values(), strict=True))
    return rows.getvalue()
