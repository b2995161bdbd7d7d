"""Where the time of a connect goes."""

from __future__ import annotations

from dataclasses import replace

from malaria.analysis.summary import summarize
from malaria.records.rows import Metric
from malaria.report.page.latency_view import connect_parts, latency_view
from malaria.report.page.page_elements import ChartPlace
from synthetic import make_run

CHART = ChartPlace("percentiles", 100, "a chart")


def test_the_parts_of_a_connect_are_shares_of_the_whole() -> None:
    summary = summarize(make_run(seconds=2))
    mean = {Metric.TCP: 1.0, Metric.TLS: 3.0}
    latency = {
        metric: replace(figures, mean=mean.get(metric)) for metric, figures in summary.latency_ms.items()
    }  # fmt: skip
    parts = connect_parts(replace(summary, latency_ms=latency))
    assert [(part.label.text, part.percent, part.mean) for part in parts] == [
        ("TCP", 25.0, "1.0 ms"),
        ("TLS", 75.0, "3.0 ms"),
    ]
    assert parts[0].label.link == "def-tcp"


def test_a_connect_of_one_part_is_not_split() -> None:
    assert connect_parts(summarize(make_run(seconds=2))) == ()


def test_a_lower_bound_is_announced() -> None:
    for trouble, is_bounded in ((None, False), ("falls-behind", True)):
        run = make_run(trouble=trouble)  # type: ignore[arg-type]
        view = latency_view(run, summarize(run), CHART)
        assert view.is_bounded is is_bounded
        assert view.table is not None
        assert view.table.rows[0][0].text == "ack"
