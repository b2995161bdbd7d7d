"""The figures of each bee."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.bee_figures import bee_figures
from malaria.analysis.summary import summarize
from malaria.records.damage import RunDamage, TableDamage
from synthetic import made_by_bees, make_run

SWARM = made_by_bees(make_run(seconds=12, clients=600))


def test_every_bee_has_its_figures() -> None:
    first, second = bee_figures(SWARM)
    assert (first.bee, first.host, first.version, first.cores, first.workers) == ("bee-1", "host-1", "0.1.0", 4, 1)
    assert (first.clients, first.clients_peak) == (300, 300)
    assert first.cpu_percent == pytest.approx(3, abs=0.5)
    assert first.own_lag_p99_ms is not None
    assert 0.09 < first.own_lag_p99_ms < 1
    assert (first.clock_offset_ms, first.clock_error_ms, first.clock_steps) == (-12.3, 0.2, 0)
    assert (first.start_ms, second.start_ms) == (0, 0.2)
    assert (first.open_files, first.local_ports) == (1_048_576, "1024–65535")
    assert (first.lost, first.missing_from_s) == (None, None)
    assert summarize(SWARM)["bees"][1]["bee"] == "bee-2"


def test_a_lost_bee_says_why_and_since_when() -> None:
    _, second = bee_figures(made_by_bees(make_run(seconds=12, clients=600, trouble="lost-worker")))
    assert (second.lost, second.missing_from_s) == ("went silent", 9.0)


def test_a_bee_that_lost_one_of_its_workers_names_it() -> None:
    lost = [{"worker": "bee-2/1", "share": "1/4", "reason": "was killed by SIGKILL", "since_ns": 7_000_000_000}]
    workers = ["bee-1/1", "bee-2/1", "bee-2/2"]
    _, second = bee_figures(made_by_bees(make_run(seconds=12, clients=600), workers=workers, lost_workers=lost))
    assert (second.lost, second.missing_from_s) == ("worker bee-2/1 was killed by SIGKILL", 7.0)


def test_one_host_has_no_bees() -> None:
    assert bee_figures(make_run()) == ()


def test_what_stands_on_lost_rows_is_unknown() -> None:
    damaged = replace(SWARM, damage=RunDamage((TableDamage("sample", "row 3", 1, 5),)))
    (first, _) = summarize(damaged).bees
    assert (first.clients, first.clients_peak, first.cpu_percent, first.own_lag_p99_ms) == (300, None, None, None)
