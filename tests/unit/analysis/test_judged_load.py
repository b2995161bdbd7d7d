"""The figures that rules look at where workers were lost: those of the workers that stayed."""

from __future__ import annotations

import pytest

from malaria.analysis.judged_load import of_those_that_stayed
from malaria.analysis.rules import unmet_rules
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import ClientFigures
from malaria.clock import NS_PER_S as S
from malaria.records.rows import RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta


def run(ready: dict[str, list[int]], lost: dict[str, int | None]) -> Run:
    """A run of 50 clients on each worker: how many were ready at the end of each second, and what was lost."""
    losses = [{"worker": name, "share": "1/2", "reason": "x", "clients": count} for name, count in lost.items()]
    meta = {"publishing": True, "clients_planned": 50 * len(ready), "workers": list(ready), "lost_workers": losses,
            "measure_start_ns": 0, "measure_end_ns": 3 * S}  # fmt: skip
    samples = [
        Sample(name, second * S, (second + 1) * S, RunPhase.MEASURE, {"dropped": 1}, {"clients_ready": count})
        for name, counts in ready.items()
        for second, count in enumerate(counts)
    ]
    return Run(RunMeta.model_validate(meta), tuple(samples), (), None)


def judged(records: Run) -> ClientFigures:
    return of_those_that_stayed(records, summarize(records)).clients


@pytest.mark.parametrize("seconds", [1, 2])
def test_without_any_worker_that_stayed_nothing_is_said_of_clients(seconds: int) -> None:
    records = run({"1": [50], "2": [50] * seconds}, {"1": 50, "2": 50})
    found = judged(records)
    assert (found.planned, found.connected, found.connected_peak) == (None, None, None)
    said = [rule.text for rule in unmet_rules(records, summarize(records))]
    assert not [text for text in said if " clients " in text]


def test_clients_that_could_not_connect_are_not_hidden_by_those_of_a_lost_worker() -> None:
    records = run({"1": [40, 40], "2": [50]}, {"2": 50})
    found = judged(records)
    assert (found.planned, found.connected, found.connected_peak, found.dropped) == (50, 40, 40, 2)
    assert "10 of 50 clients could not connect" in [rule.text for rule in unmet_rules(records, summarize(records))]


def test_a_loss_of_unknown_size_leaves_the_clients_unknown() -> None:
    found = judged(run({"1": [50, 50], "2": [50]}, {"2": None}))
    assert (found.planned, found.connected) == (None, None)


def test_without_a_loss_the_figures_are_those_of_the_run() -> None:
    records = run({"1": [50], "2": [50]}, {})
    assert judged(records) == summarize(records).clients
