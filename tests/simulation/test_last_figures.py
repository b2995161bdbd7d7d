"""The wait for the broker's first figures from after the load, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from attacking import request_for
from malaria.clock import NS_PER_S
from malaria.model.observe import Observe
from malaria.records.rows import Progress
from simulation import Simulation, press_ctrl_c
from stub_broker import Behaviour

SYS = Observe.model_validate({"sys": True, "interval": "500ms", "process": False, "host": False, "only": True})


def ended_s(
    directory: Path, load_s: int, interval_s: float, wait: bool = True, ctrl_c_s: float | None = None
) -> tuple[float, list[str]]:
    """How long after the end of the measured load a run ended, and what was shown meanwhile."""
    story = [] if ctrl_c_s is None else [(ctrl_c_s, press_ctrl_c)]
    simulation = Simulation(Behaviour(sys_interval_s=interval_s), story=story)
    shown: list[str] = []

    def show(progress: Progress) -> None:
        shown.extend(event.text for event in progress.events)

    request = request_for(1883, directory, 1, 0, duration=f"{load_s}s", observe=SYS)
    outcome = simulation.carry_out(replace(request, wait_for_figures=wait), show)
    measured_from_ns = outcome.run.meta.measure_start_ns
    assert measured_from_ns is not None
    end_ns = simulation.time.now_ns - simulation.epoch_ns - measured_from_ns
    return end_ns / NS_PER_S - load_s, [text for text in shown if text.startswith("waiting")]


def test_a_long_wait_is_announced_and_ends_with_the_figures(tmp_path: Path) -> None:
    after_s, shown = ended_s(tmp_path / "run", 25, 10)
    assert 2.5 < after_s < 12.5
    (text,) = shown
    assert text.startswith("waiting up to ")
    assert text.endswith(" s for the broker's last figures (Ctrl-C or --no-wait: do not)")


def test_no_wait_ends_at_once(tmp_path: Path) -> None:
    after_s, shown = ended_s(tmp_path / "run", 25, 10, wait=False)
    assert after_s < 2.5
    assert shown == []


def test_ctrl_c_ends_the_wait(tmp_path: Path) -> None:
    usual_s, _ = ended_s(tmp_path / "usual", 25, 10)
    after_s, _ = ended_s(tmp_path / "cut", 25, 10, ctrl_c_s=25 + usual_s / 2)
    assert after_s < usual_s


@pytest.mark.parametrize(("load_s", "interval_s"), [(4, 10), (4, 3)])
def test_a_short_load_waits_no_longer_than_it_took(tmp_path: Path, load_s: int, interval_s: float) -> None:
    after_s, _ = ended_s(tmp_path / "run", load_s, interval_s)
    assert after_s <= load_s + 1
