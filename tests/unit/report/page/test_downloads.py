"""The files that a page carries inside."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json

from malaria.analysis.series import columns
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.report.page.downloads import LARGE_BYTES, raw_data, series_csv
from malaria.report.page.page_elements import DownloadLink
from synthetic import make_run


def content(link: DownloadLink) -> bytes:
    return base64.b64decode(link.href.partition("base64,")[2])


def test_the_series_as_csv_is_the_series() -> None:
    run = make_run(seconds=5)
    rows = list(csv.DictReader(io.StringIO(series_csv(columns(run)))))
    assert [row["due_per_s"] for row in rows] == [str(value) for value in columns(run)["due_per_s"]]


def test_a_link_carries_its_file() -> None:
    run = make_run(seconds=3)
    summary = summarize(run)
    figures, table = raw_data(columns(run), summary, "level-1-")
    assert (figures.name, table.name) == ("level-1-summary.json", "level-1-series.csv")
    assert json.loads(content(figures)) == json.loads(json.dumps(summary.as_json()))
    assert content(table).decode() == series_csv(columns(run))


def test_a_long_series_is_compressed() -> None:
    series = {"t_s": list(range(LARGE_BYTES))}
    _, table = raw_data(series, Summary())
    assert table.name == "series.csv.gz"
    assert gzip.decompress(content(table)).decode() == series_csv(series)
