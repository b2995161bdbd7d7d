"""Which panels and lines a run has something to say about."""

from __future__ import annotations

from dataclasses import replace

from malaria.analysis.series import columns
from malaria.records.rows import Observation, RunPhase, Sample
from malaria.report.charts.run_charts import MOST_POINTS, step_s
from malaria.report.charts.time_panels import MOST_CHOSEN, panels_of
from synthetic import make_run, observed

RUN = make_run(seconds=3, workers=1, clients=600)
S = 10**9


def titles(run: object) -> list[str]:
    return [panel.title for panel in panels_of(run, columns(run))]  # type: ignore[arg-type]


def test_what_nobody_watched_has_no_panel() -> None:
    assert "broker CPU, % of a core" not in titles(RUN)
    assert titles(observed(RUN))[3:8] == [
        "broker CPU, % of a core", "broker memory", "host CPU, % of all cores", "messages in the broker",
        "packets per second ($SYS)",
    ]  # fmt: skip


def test_each_chosen_series_has_a_panel_and_of_a_total_how_it_grows() -> None:
    values = {'emqx_sent_total{node="a"}': 7, 'emqx_sent_total{node="a"}_per_s': 3.5, "queue": 2}
    run = replace(RUN, observations=(Observation("prometheus", 2 * S, values),))
    assert titles(run)[-2:] == ['emqx_sent_total{node="a"}_per_s', "queue"]


def test_their_number_is_bounded() -> None:
    rows = (Observation("prometheus", 2 * S, {f"series_{n}": n + 1 for n in range(MOST_CHOSEN + 3)}),)
    assert len(titles(replace(RUN, observations=rows))) == len(titles(RUN)) + MOST_CHOSEN


def test_a_long_run_has_no_more_points_than_can_be_seen() -> None:
    late = Sample("1", (10 * MOST_POINTS - 1) * S, 10 * MOST_POINTS * S, RunPhase.MEASURE)
    assert step_s(replace(RUN, samples=(*RUN.samples, late))) == 10
    assert step_s(RUN) == 1
