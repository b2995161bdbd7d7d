"""The chart of a staircase: two lines, what tipped, and where it was well again."""

from __future__ import annotations

from dataclasses import replace

from malaria.analysis.summary_figures import LoopFigures, RungFigures, SignFigures
from malaria.report.charts.loop_chart import loop_chart


def rung(load: int, way: str, well: bool, acked: float, clients: int = 5) -> RungFigures:
    reason = "" if well else "it fell behind"
    return RungFigures(load, way, well, 4, float(load), acked, acked, clients, 1.0 if well else 900.0, reason)


LOOP = LoopFigures(
    tipping=400, recovery=100, ratio=0.25, recovery_s=12.0, restart_needed=False, never_back=0, connects_per_lost=None,
    packets_per_message=1.0, healthy_packets_per_message=1.0, duplicates_per_message=0.0, sustained_by="its queue",
    bytes_wait=None, broke_first=(SignFigures("broker CPU", 20.0, "the broker used 97 % of a core"),),
    rungs=(rung(100, "up", True, 100), rung(200, "up", True, 200), rung(400, "up", False, 150),
           rung(200, "down", False, 140), rung(100, "down", True, 100)),
)  # fmt: skip


def test_the_way_up_and_the_way_down_are_two_lines() -> None:
    chart = loop_chart(LOOP, by_rate=True)
    assert list(chart.x) == [100, 200, 400]
    rates, latency = chart.panels
    assert (rates.title, latency.title) == ("acked messages per second", "ack p99")
    assert {line.name: list(line.values) for line in rates.lines} == {
        "due": [100, 200, 400],
        "on the way up": [100, 200, 150],
        "on the way down": [100, 140, None],
    }
    assert rates.lines[2].markers[:2] == ("circle", "cross")
    assert [(mark.at, mark.text, mark.is_bad) for mark in chart.marks] == [
        (400, "tips: broker CPU first", True), (100, "well again", False),
    ]  # fmt: skip


def test_clients_have_a_panel_where_they_change() -> None:
    more = replace(LOOP, rungs=(rung(100, "up", True, 100), rung(200, "up", True, 200, clients=10)))
    assert "connected clients" in [panel.title for panel in loop_chart(more, by_rate=False).panels]
    assert "connected clients" in [panel.title for panel in loop_chart(more, by_rate=True).panels]
    assert "connected clients" not in [panel.title for panel in loop_chart(LOOP, by_rate=True).panels]


def test_a_target_that_did_not_tip_has_one_line_and_no_mark() -> None:
    chart = loop_chart(replace(LOOP, tipping=None, recovery=None, rungs=LOOP.rungs[:2]), by_rate=True)
    assert chart.marks == ()
    assert [line.name for line in chart.panels[0].lines] == ["due", "on the way up"]
