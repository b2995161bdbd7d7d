"""Surges against brokers of known capacity: the right verdict is known beforehand.

All of them get 100 messages a second, after 7 s twice as many for 3 s, and then 100 again. They differ in what they
can do: 2,000 a second; 150, so that 150 messages wait when the surge goes; 150 with a queue of 60; and 150 until 60
wait, then 70 until nobody waits any more, which at 100 messages a second never is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from attacking import histogram, run_attack
from malaria.analysis.seconds import seconds_of
from malaria.attack.runner import AttackOutcome
from malaria.model.observe import Observe
from malaria.records.rows import Metric
from stub_broker import Behaviour, Counts
from stub_server import StubServer

SURGE = {"clients": 20, "at": "6s", "hold": "4s"}
"""They publish from 7 s on: without a connect rate our own pace needs no time for them, and a second is added."""
SECONDS = 19
LOAD = {"clients": 20, "rate": "5", "inflight": 1000, "duration": f"{SECONDS}s", "drain": "1s", "connect_rate": 0}
SYS = Observe.model_validate({"sys": True, "interval": "500ms", "process": False, "host": False, "only": True})

STORIES: Mapping[str, Behaviour] = {
    "holds": Behaviour(capacity_per_s=2000, sys_interval_s=0.5),
    "bends and recovers": Behaviour(capacity_per_s=150, fixed_service=True, sys_interval_s=0.5),
    "breaks and recovers": Behaviour(capacity_per_s=150, fixed_service=True, queue_limit=60, sys_interval_s=0.5),
    "never recovers": Behaviour(
        capacity_per_s=150, fixed_service=True, slow_past=60, slow_per_s=70, sys_interval_s=0.5
    ),
}

CALM_NS = 20_000_000
PROMPT_NS = 100_000_000
CALM_TRIES = 6

type Story = tuple[AttackOutcome, Counts]


def tell(name: str, directory: Path) -> Story:
    with StubServer(STORIES[name]) as stub:
        outcome = run_attack(stub.port, directory, subscribers=1, surges=[SURGE], observe=SYS, thresholds={}, **LOAD)
    return outcome, stub.counts


def is_calm(name: str, story: Story) -> bool:
    """Whether nobody took our processor meanwhile, nor that of a broker which has ten times the room."""
    records = story[0].records
    prompt = name != "holds" or histogram(records, Metric.ACK).max_ns < PROMPT_NS
    late_ns = histogram(records, Metric.OWN_LAG).quantile_ns(0.99) or 0
    return late_ns < CALM_NS and len(seconds_of(records)) == SECONDS and prompt


def told_in_calm(directory: Path) -> Mapping[str, Story]:
    """All of them at once, each is hardly any load; those again that were not calm, and so with fewer beside them."""
    stories: dict[str, Story] = {}
    restless = list(STORIES)
    for attempt in range(CALM_TRIES):
        paths = [directory / f"{attempt}-{number}" for number in range(len(restless))]
        with ThreadPoolExecutor(len(restless)) as pool:
            stories |= zip(restless, pool.map(tell, restless, paths), strict=True)
        restless = [name for name in restless if not is_calm(name, stories[name])]
        if not restless:
            break
    return stories


@pytest.mark.alone
@pytest.mark.timeout(300)  # six tries, on a machine that hardly gets to them
def test_each_broker_gets_the_verdict_that_is_known_beforehand(tmp_path: Path) -> None:
    stories = told_in_calm(tmp_path)
    for name, check in CHECKS.items():
        outcome, counts = stories[name]
        (surge,) = outcome.summary["surges"]
        check(surge, outcome.summary, counts)


def holds(surge: dict[str, Any], summary: dict[str, Any], counts: Counts) -> None:
    assert (surge["held"], surge["broke"], surge["recovered"], surge["metastable"]) == (True, [], True, False)
    assert summary["verdict"]["outcome"] == "PASS"
    assert summary["broker"]["dropped"] == counts.dropped == 0
    assert summary["broker"]["queue_growth_per_s"] == 0


def bends_and_recovers(surge: dict[str, Any], summary: dict[str, Any], _: Counts) -> None:
    """150 wait when they go; 50 a second come off, and up to 10 are no trouble."""
    assert (surge["held"], surge["broke"], surge["recovered"], surge["metastable"]) == (False, [], True, False)
    assert 2 <= surge["recovery_s"] <= 4
    assert summary["verdict"]["outcome"] == "PASS"
    assert "the broker bent and recovered after" in summary["verdict"]["reasons"][0]
    assert summary["messages"]["lost"] == summary["messages"]["unresolved"] == 0


def breaks_and_recovers(surge: dict[str, Any], summary: dict[str, Any], counts: Counts) -> None:
    """50 a second too many for 3 s, and room for 60 of them."""
    assert (surge["held"], surge["broke"], surge["recovered"]) == (False, ["broker.dropped"], True)
    assert summary["broker"]["dropped"] == counts.dropped == summary["messages"]["lost"]
    assert 60 <= counts.dropped <= 120
    assert summary["steady"]["messages_dropped"] == 0
    assert summary["verdict"]["outcome"] == "FAIL"
    assert summary["verdict"]["reasons"][0].startswith("+20 clients at 0:")
    assert ": the broker broke and recovered" in summary["verdict"]["reasons"][0]
    assert f"it dropped {counts.dropped} messages" in summary["verdict"]["reasons"][0]


def never_recovers(surge: dict[str, Any], summary: dict[str, Any], _: Counts) -> None:
    """The load is gone; 100 a second come as before, 70 go, and the queue grows by 30 a second."""
    assert (surge["held"], surge["broke"], surge["recovered"], surge["metastable"]) == (False, [], False, True)
    assert surge["recovery_s"] is None
    assert surge["watched_s"] == 9
    assert summary["verdict"]["outcome"] == "FAIL"
    assert "never recovered within 9 s (metastable)" in summary["verdict"]["reasons"][0]
    assert not any("fell behind" in reason for reason in summary["verdict"]["reasons"])  # told once


CHECKS: Mapping[str, Callable[[dict[str, Any], dict[str, Any], Counts], None]] = {
    "holds": holds,
    "bends and recovers": bends_and_recovers,
    "breaks and recovers": breaks_and_recovers,
    "never recovers": never_recovers,
}
