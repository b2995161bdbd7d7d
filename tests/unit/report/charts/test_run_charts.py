"""What the charts hold, before any browser draws them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from malaria.analysis.series import columns
from malaria.analysis.summary import summarize
from malaria.clock import NS_PER_S
from malaria.clock import NS_PER_S as S
from malaria.observe import prometheus_names as series
from malaria.records.rows import Event, EventKind
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.report.charts.chart_model import AxisScale, Chart, ms_range
from malaria.report.charts.event_marks import MARKS_SHOWN
from malaria.report.charts.level_charts import levels_chart, overlaid_percentiles, overlaid_rates
from malaria.report.charts.overview_chart import overview
from malaria.report.charts.run_charts import chart_marks, missing_shares, percentiles, stack
from malaria.report.charts.time_panels import PANELS, panels_of
from malaria.report.shown_levels import ShownLevel, shown_parts
from synthetic import by_directory, judged, made_by_bees, make_campaign, make_run, observed, with_figures, with_meta


def overview_of(run: Run) -> Chart:
    return overview(run, summarize(run))


def names(chart: Chart, panel: int = 0) -> list[str]:
    return [line.name for line in chart.panels[panel].lines]


def test_lines_are_columns_of_the_series() -> None:
    table = columns(observed(make_run()))
    lines = {line.column for panel in PANELS for line in panel.lines}
    of_prometheus = {f"prometheus_{name}" for name in series.SERIES_BY_NAME}
    assert {line for line in lines if not line.startswith("docker")} <= set(table) | of_prometheus


def test_the_overview_shows_due_and_done_as_in_the_series() -> None:
    records = make_run()
    chart = overview_of(records)
    assert names(chart) == ["due", "acked", "delivered"]
    assert chart.panels[0].lines[1].values == list(columns(records)["acked_per_s"])
    assert names(chart, 1) == ["ack p99", "end to end p99"]
    assert len(chart.panels) == 2, "nothing was lost, and every client was there"
    assert names(overview_of(with_meta(records, acknowledged=False))) == ["due", "sent", "delivered"]
    assert names(overview_of(with_meta(records, publishing=False, acknowledged=False))) == ["delivered"]


def test_a_fail_is_seen_in_the_first_chart() -> None:
    rates, latency = overview_of(make_run(trouble="falls-behind")).panels
    assert rates.fault.startswith("✗ acked per second 453/s (90.7 %), needs ≥ 98 % of due")
    assert latency.fault.startswith("✗ ack p99 ≥")
    assert [limit.value for limit in latency.limits] == [500.0]
    assert not any(panel.fault for panel in overview_of(make_run()).panels)


def test_a_fail_without_a_figure_is_seen_there_too() -> None:
    run = make_run()
    summary = replace(summarize(run), verdict=judged("FAIL", "the broker refused 3 subscriptions"))
    assert overview(run, summary).panels[0].fault == "✗ the broker refused 3 subscriptions"


def test_missing_clients_and_losses_have_panels_of_their_own() -> None:
    whole = make_run()
    assert whole.ledger is not None
    assert whole.ledger.delivered is not None
    ledger = replace(whole.ledger, delivered=whole.ledger.delivered - 7, lost=7)
    samples = [replace(s, counters=dict(s.counters) | {"delivered": s.counters["delivered"] - 7})
               if number == 40 else s for number, s in enumerate(whole.samples)]  # fmt: skip
    short = with_meta(replace(whole, ledger=ledger, samples=tuple(samples)), clients_planned=3100)
    *_, clients, lost = overview_of(short).panels
    assert (clients.title, clients.fault) == (
        "clients",
        "✗ clients connected 3,000 (96.8 %), needs = 100 % of planned",
    )
    assert lost.title == "lost so far"
    assert lost.lines[0].values[-1] == 7, "what the ledger has as lost"
    assert lost.lines[0].values[0] == 0
    assert "✗ lost 7" in lost.fault


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
    chart = stack(make_run(seconds=3, workers=workers))
    thin = [line for panel in chart.panels for line in panel.lines if line.entry]
    assert [(line.name, line.entry) for line in thin] == [
        (f"worker {number}", "each worker") for number in range(1, lines + 1)
    ]


def test_a_tooltip_has_a_unit_and_a_name_of_its_own() -> None:
    shown = {panel.title: panel for panel in stack(observed(make_run(seconds=12))).panels}
    assert [(line.name, line.unit) for line in shown["latency"].lines][1] == ("ack p99", "ms")
    assert [line.unit for line in shown["broker CPU, % of a core"].lines] == ["%"]
    assert {line.unit for line in shown["broker memory"].lines} == {"B"}
    assert shown["clients"].lines[0].unit == "clients"
    assert {line.unit for line in shown["messages per second"].lines} == {"/s"}
    for panel in shown.values():
        assert len({line.name for line in panel.lines}) == len(panel.lines)
        assert all(line.unit for line in panel.lines), panel.title


def test_host_and_broker_cpu_have_no_axis_in_common() -> None:
    titles = [panel.title for panel in stack(observed(make_run(seconds=3))).panels]
    assert {"broker CPU, % of a core", "host CPU, % of all cores"} <= set(titles)
    assert {"broker CPU, % of a core", "host CPU, % of all cores"} <= {panel.title for panel in watched_levels().panels}


def watched_levels() -> Chart:
    runs = [observed(make_run(clients=500, seconds=5)), observed(make_run(clients=900, seconds=5))]
    return levels_chart(shown_parts(make_campaign(runs), by_directory(runs)))


def test_values_of_the_table_are_not_in_the_page_twice() -> None:
    made = stack(make_run(seconds=5)).from_table("series").as_json()
    lines = [line for panel in made["panels"] for line in panel["lines"]]
    assert all("values" not in line and line["column"] for line in lines)
    assert (made["table"], made["zero"]) == ("series", 3.0)
    own = stack(make_run(seconds=5)).as_json()
    assert all("values" in line for panel in own["panels"] for line in panel["lines"])


def test_the_clock_begins_with_the_load() -> None:
    chart = overview_of(make_run(seconds=30))
    assert (chart.x[0], chart.x[-1]) == (-2.0, 32.0)
    assert [(span.begin, span.end, span.text) for span in chart.spans] == [
        (-3.0, 0.0, "connecting"), (30.0, 32.0, "after the load"),
    ]  # fmt: skip


def test_marks_run_through_all_charts() -> None:
    trouble = Event(5 * NS_PER_S, EventKind.TROUBLE, "<a href=x>&")
    marks = stack(replace(make_run(), events=(trouble,))).marks
    assert [(mark.at, mark.text, mark.is_bad) for mark in marks] == [(2.0, "<a href=x>&", True)]


def test_a_storm_of_events_leaves_the_chart_readable() -> None:
    events = tuple(Event(n * NS_PER_S, EventKind.TROUBLE, "x") for n in range(100))
    assert len(overview_of(replace(make_run(), events=events)).marks) == MARKS_SHOWN


def test_a_bound_has_an_open_circle() -> None:
    line = percentiles(make_run(trouble="falls-behind")).panels[0].lines[0]
    assert {"circle", "open"} == set(line.markers)
    assert any("≥" in text for text in line.texts)


def test_an_axis_of_milliseconds_is_not_too_narrow() -> None:
    low, high = ms_range([3])
    assert high / low == pytest.approx(10**0.9, rel=0.01)
    assert ms_range([None, 0]) == (0, 0)


def test_a_chart_says_its_figures_to_those_who_cannot_see_it() -> None:
    told = overview_of(make_run()).description
    assert told.startswith(
        "Messages due and done over time, −0:02 to 0:32. messages per second: due 0/s to 500/s, acked"
    )
    assert "latency: ack p99" in told


def levels() -> list[ShownLevel]:
    runs = [make_run(clients=500, seconds=20), make_run(clients=4000, seconds=20, trouble="falls-behind")]
    return shown_parts(make_campaign(runs), by_directory(runs))


def test_levels_wear_their_verdict() -> None:
    chart = levels_chart(levels())
    latency, rate, *_ = chart.panels
    assert list(chart.x) == [500, 4000]
    done = next(line for line in rate.lines if line.name == "done")
    assert done.texts == ("PASS", "FAIL")
    assert done.markers == ("circle", "cross")
    assert len(set(done.colours)) == 2
    assert latency.scale is AxisScale.MS
    assert (latency.lines[0].values[1] or 0) > 100, "the bound of a p99 that is not known"
    assert [mark.text for mark in chart.marks] == ["4,000 clients: FAIL"]


def test_the_limit_of_the_levels_is_drawn_once() -> None:
    latency, rate, *_ = levels_chart(levels()).panels
    assert [(limit.value, limit.text) for limit in latency.limits] == [(500, "ack p99 < 500 ms")]
    assert not rate.limits


def test_runs_of_one_load_are_dots_around_a_line_through_their_medians() -> None:
    low, high = levels()
    same = [replace(one, part=replace(high.part, level=place)) for place, one in enumerate((low, high), 2)]
    shown = [replace(low, part=replace(low.part, title="500 clients")), *same]
    cpu = [with_figures(one.summary, broker={"cpu_percent": at}) for one, at in zip(shown, (10, 40, 60), strict=True)]
    watched = [replace(one, summary=summary) for one, summary in zip(shown, cpu, strict=True)]
    plots = {panel.title: panel for panel in levels_chart(watched).panels}
    line, dots = plots["broker CPU, % of a core"].lines
    assert (line.joined, list(line.values)) == (True, [10, 50, None])
    assert (dots.joined, list(dots.values)) == (False, [10, 40, 60])


def test_losses_are_a_plot_where_there_are_any() -> None:
    assert "messages lost" not in [panel.title for panel in levels_chart(levels()).panels]
    shown = levels()
    lossy = replace(shown[1], summary=with_figures(shown[1].summary, messages={"lost": 12}))
    plots = {panel.title: panel for panel in levels_chart([shown[0], lossy]).panels}
    assert list(plots["messages lost"].lines[0].values) == [0, 12]


def test_all_levels_are_laid_over_each_other() -> None:
    shown = levels()
    latency = overlaid_percentiles(shown)
    assert names(latency) == ["500 clients", "4,000 clients"] or len(names(latency)) == 2
    assert [line.dash for line in latency.panels[0].lines] == ["solid", "dash"], "the level that failed"
    rates = overlaid_rates(shown, [columns(one.run) for one in shown])
    assert list(rates.x) == list(range(1, 21)), "the seconds of the load"
    assert len({line.colour for line in rates.panels[0].lines}) == 2


def test_an_empty_run_has_charts_all_the_same() -> None:
    empty = Run(RunMeta(), (), (), None)
    for chart in (overview_of(empty), stack(empty), percentiles(empty)):
        json.dumps(chart.as_json(), allow_nan=False)
        assert chart.description


def test_the_missing_share_is_shaded_to_the_end_of_the_load_and_named() -> None:
    lost = [
        {"worker": "bee-2", "share": "1/3", "reason": "went silent", "since_ns": 8 * S + 300_000},
        {"worker": "bee-1", "share": "1/3", "reason": "is gone", "since_ns": 5 * S},
    ]
    run = made_by_bees(make_run(seconds=12, workers=3, clients=600), lost_workers=lost)
    (first, second) = missing_shares(run)
    assert (first.begin, round(first.end, 2), first.text, first.is_bad) == (
        2.0, 5.0, "bee-1 (1/3 of the load) is missing", True
    )  # fmt: skip
    both = "bee-1 (1/3 of the load) and bee-2 (1/3 of the load) are missing"
    assert (round(second.begin, 2), second.end, second.text) == (5.0, 12.0, both)
    assert {first.text, second.text} <= {mark.text for mark in chart_marks(run) if mark.is_bad}
    assert missing_shares(make_run(seconds=12)) == ()


def test_a_worker_that_was_lost_after_the_load_leaves_nothing_missing_in_it() -> None:
    lost = [{"worker": "bee-2", "share": "1/2", "reason": "did not report at the end", "since_ns": 15 * S}]
    assert missing_shares(made_by_bees(make_run(seconds=12, clients=600), lost_workers=lost)) == ()
