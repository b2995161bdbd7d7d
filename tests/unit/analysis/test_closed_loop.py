"""What limited a closed loop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.closed_loop import closed_loop_limit
from malaria.analysis.summary import summarize
from malaria.clock import NS_PER_S
from malaria.records.rows import Observation
from malaria.records.run import Run
from synthetic import make_run, with_figures, with_meta

GOOD = with_meta(make_run(seconds=12, clients=600), closed_loop=True)
FULL_WORKER = with_meta(make_run(seconds=12, clients=600, trouble="generator-limit"), closed_loop=True)


def machine(busy: float) -> Run:
    rows = tuple(
        Observation("programs", at_s * NS_PER_S, {"busy_percent": busy, "other_percent": 1.0})
        for at_s in range(2, 16, 2)
    )
    return replace(GOOD, observations=rows)


@pytest.mark.parametrize(
    ("run", "broker", "text"),
    [
        (GOOD, {"cpu_percent": 99.0, "busiest_thread_percent": 99.0},
         "the limit was the broker's: it is at the limit of its busiest thread, which used 99 % of a core"),
        (FULL_WORKER, {"cpu_percent": 46.0}, "with worker 2 at 99 % of a core and the broker at 46 % of a core: "
                                             "not the broker's limit"),
        (machine(99), {"cpu_percent": 46.0},
         "with this machine at 99 % and the broker at 46 % of a core: not the broker's limit"),
        (machine(60), {"cpu_percent": 46.0},
         "with the busiest worker at 3 % and the broker at 46 % of a core: the limit was the window; "
         "a larger -F/--inflight or more clients may carry more"),
        (GOOD, {}, "the limit was the broker, the network or the window (-F/--inflight): "
                   "the broker's CPU is not known"),
    ],
)  # fmt: skip
def test_the_limit_is_named_with_its_figures(run: Run, broker: dict[str, float], text: str) -> None:
    summary = with_figures(summarize(run), broker=broker)
    assert closed_loop_limit(run, summary) == text


def test_at_qos_0_nothing_is_answered() -> None:
    run = with_meta(GOOD, acknowledged=False)
    assert closed_loop_limit(run, summarize(run)) == ""
