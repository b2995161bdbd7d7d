"""The data that a page carries inside, packed: charts, the series that they draw, and the files to download.

One table of series serves the charts and the download, so that nothing is in the page twice.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from malaria.report.charts.chart_model import Chart
from malaria.report.charts.time_panels import SeriesColumns


@dataclass(frozen=True, slots=True)
class PageData:
    """Charts by the id of their place, tables of series and texts of files by name."""

    charts: Mapping[str, Chart] = field(default_factory=dict)
    tables: Mapping[str, SeriesColumns] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def joined(self, other: PageData) -> PageData:
        """Return the data of both."""
        return PageData({**self.charts, **other.charts}, {**self.tables, **other.tables}, {**self.files, **other.files})

    def as_json(self) -> dict[str, Any]:
        return {
            "charts": {name: chart.as_json() for name, chart in self.charts.items()},
            "tables": {name: {column: list(rows) for column, rows in table.items()}
                       for name, table in self.tables.items()},
            "files": dict(self.files),
        }  # fmt: skip


def packed(data: PageData) -> str:
    """Return the data as JSON, compressed, in Base64: no text of it can be taken for markup. NaN is a ValueError."""
    text = json.dumps(data.as_json(), allow_nan=False, separators=(",", ":"))
    # no time stamp: the same run gives the same page
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
