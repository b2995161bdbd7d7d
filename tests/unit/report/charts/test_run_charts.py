"""What the charts hold, before any browser draws them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from malaria.analysis.series import columns
from malaria.clock import NS_PER_S
from malaria.observe import prometheus_names as series
from malaria.records.rows import Event, EventKind
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.report.charts.chart_frame import ms_scale
from malaria.report.charts.event_marks import MARKS_SHOWN
from malaria.report.charts.level_charts import levels_chart
from malaria.report.charts.run_charts import overview, percentiles, stack
from malaria.report.charts.time_panels import PANELS, panels_of
from malaria.report.shown_levels import ShownLevel, shown_parts
from synthetic import by_directory, make_campaign, make_run, observed, with_meta


def names(figure: dict[str, Any]) -> list[str]:
    return [trace["name"] for trace in figure["data"]]


def test_lines_are_columns_of_the_series() -> None:
    table = columns(observed(make_run()))
    lines = {line.column for panel in PANELS for line in panel.lines}
    of_prometheus = {f"prometheus_{name}" for name in series.SERIES_BY_NAME}
    assert {line for line in lines if not line.startswith("docker")} <= set(table) | of_prometheus


def test_the_overview_shows_due_and_done_as_in_the_series() -> None:
    records = make_run()
    figure = overview(records)
    assert names(figure) == ["due", "acked"]
    assert figure["data"][1]["y"] == list(columns(records)["acked_per_s"])
    assert names(overview(with_meta(records, acknowledged=False))) == ["due", "sent"]
    assert names(overview(with_meta(records, publishing=False, acknowledged=False))) == ["delivered"]


def test_a_line_that_means_nothing_in_this_run_is_left_out() -> None:
    records = with_meta(make_run(), acknowledged=False, subscribing=False)
    shown = {line.name for panel in panels_of(records, columns(records)) for line in panel.lines}
    assert "sent" in shown
    assert not {"acked", "delivered"} & shown


def test_nothing_acknowledged_is_a_line_at_zero() -> None:
    table = {"t_s": [1, 2], "due_per_s": [5, 5], "sent_per_s": [5, 5], "acked_per_s": [0, 0]}
    shown = {line.name for panel in panels_of(make_run(), table) for line in panel.lines}
    assert "acked" in shown


@pytest.mark.parametrize(("workers", "lines"), [(1, 0), (2, 2), (9, 0)])
def test_a_few_workers_have_a_line_each(workers: int, lines: int) -> None:
    figure = stack(make_run(seconds=3, workers=workers))
    thin = [trace for trace in figure["data"] if trace["name"] == "each worker"]
    assert [trace["hovertemplate"].partition("<extra>")[2] for trace in thin] == [
        f"worker {number}</extra>" for number in range(1, lines + 1)
    ]
    assert sum(trace["showlegend"] for trace in thin) == min(lines, 1)


def test_a_tooltip_has_a_unit_and_a_name_of_its_own() -> None:
    tooltips = [trace["hovertemplate"] for trace in stack(observed(make_run(seconds=12)))["data"]]
    assert "%{y:,.3~r} ms<extra>ack p99</extra>" in tooltips
    assert "%{y:,.3~r} %<extra>broker CPU: process</extra>" in tooltips
    assert "%{y:.3~s}B<extra>broker memory: process</extra>" in tooltips
    assert "%{y:,.6~r} clients<extra>ready</extra>" in tooltips
    names = [tooltip.partition("<extra>")[2] for tooltip in tooltips]
    assert len(set(names)) == len(names)


def test_all_panels_have_one_time_axis() -> None:
    figure = stack(make_run())
    assert [key for key in figure["layout"] if key.startswith("xaxis")] == ["xaxis"]
    assert len([key for key in figure["layout"] if key.startswith("yaxis")]) == 5  # nothing waited


def test_marks_run_through_all_charts_and_are_no_markup() -> None:
    trouble = Event(5 * NS_PER_S, EventKind.TROUBLE, "<a href=x>&")
    records = replace(make_run(), events=(trouble,))
    layout = stack(records)["layout"]
    lines = [shape for shape in layout["shapes"] if shape["type"] == "line"]
    assert [(shape["x0"], shape["yref"]) for shape in lines] == [(5, "paper")]
    assert [note["text"] for note in layout["annotations"]] == ["&lt;a href=x>&amp;"]


def test_a_storm_of_events_leaves_the_chart_readable() -> None:
    events = tuple(Event(n * NS_PER_S, EventKind.TROUBLE, "x") for n in range(100))
    layout = overview(replace(make_run(), events=events))["layout"]
    assert len(layout["annotations"]) == MARKS_SHOWN


def test_what_was_not_measured_is_shaded() -> None:
    spans = [(s["x0"], s["x1"]) for s in overview(make_run(seconds=30))["layout"]["shapes"]]
    assert spans == [(0, 3), (33, 35)]


def test_a_bound_has_an_open_circle() -> None:
    figure = percentiles(make_run(trouble="falls-behind"))
    assert {"circle", "circle-open"} == set(figure["data"][0]["marker"]["symbol"])
    assert any("≥" in text for text in figure["data"][0]["text"])


@pytest.mark.parametrize(
    ("values", "first", "last"),
    [([0.08, 0.3], "0.1 ms", "0.2 ms"), ([3], "2 ms", "5 ms"), ([1, 16_526], "1 ms", "10 s")],
)
def test_ticks_are_round(values: list[float], first: str, last: str) -> None:
    scale = ms_scale(values)
    low, high = scale["range"]
    shown = [t for v, t in zip(scale["tickvals"], scale["ticktext"], strict=True) if 10**low <= v <= 10**high]
    assert (shown[0], shown[-1]) == (first, last)
    assert 2 <= len(shown) <= 6


def test_no_value_no_scale() -> None:
    assert ms_scale([None, 0]) == {}


def levels() -> list[ShownLevel]:
    runs = [make_run(clients=500, seconds=20), make_run(clients=4000, seconds=20, trouble="falls-behind")]
    return shown_parts(make_campaign(runs), by_directory(runs))


def test_levels_wear_their_verdict() -> None:
    figure = levels_chart(levels())
    done = next(trace for trace in figure["data"] if trace["name"] == "levels" and trace["y"][0] > 50)
    assert done["x"] == [500, 4000]
    assert done["text"] == ["PASS", "FAIL"]
    assert done["marker"]["symbol"] == ["circle", "x"]
    assert len(set(done["marker"]["color"])) == 2
    p99 = next(trace for trace in figure["data"] if trace["name"] == "levels" and trace["y"][0] < 50)
    assert p99["y"][1] > 100  # the bound of a p99 that is not known
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["4,000 clients: FAIL"]


def test_an_empty_run_has_charts_all_the_same() -> None:
    empty = Run(RunMeta(), (), (), None)
    for figure in (overview(empty), stack(empty), percentiles(empty)):
        json.dumps(figure, allow_nan=False)
