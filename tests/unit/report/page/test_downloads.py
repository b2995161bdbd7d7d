"""The files that a page carries inside."""

from __future__ import annotations

import csv
import io
import json

from malaria.analysis.series import columns
from malaria.analysis.summary import summarize
from malaria.report.page.downloads import download_data, downloads, series_csv
from synthetic import make_run


def test_the_series_as_csv_is_the_series() -> None:
    run = make_run(seconds=5)
    rows = list(csv.DictReader(io.StringIO(series_csv(columns(run)))))
    assert [row["due_per_s"] for row in rows] == [str(value) for value in columns(run)["due_per_s"]]


def test_what_the_buttons_save_is_in_the_data_of_the_page() -> None:
    run = make_run(seconds=3)
    summary, series = summarize(run), columns(run)
    figures, rows = downloads("-1")
    data = download_data(series, summary, "-1")
    assert (figures.name, rows.name) == ("level-1-summary.json", "level-1-series.csv")
    assert json.loads(data.files[figures.file]) == json.loads(json.dumps(summary.as_json()))
    assert data.tables[rows.table] == series
