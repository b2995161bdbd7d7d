"""The conditions of a run: what must be alike for figures to be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from malaria.analysis.compare.comparable import (
    Conditions,
    condition_changes,
    conditions_hash,
    conditions_of,
    searched_conditions,
)
from malaria.records.run import Run
from malaria.records.run_meta import ChangeFacts
from malaria.records.search_goal import SearchGoal
from synthetic import make_run

WARHEAD: Final = """
[attack]
duration = "10s"
[[group]]
name = "meters"
clients = 60
interval = "6s"
[target]
psk_file = "keys.psk"
[thresholds]
"ack.p99" = "< 500ms"
"""


def run(**facts: Any) -> Run:
    made = make_run(seconds=4, workers=1, clients=60)
    facts = {"warhead_toml": WARHEAD, "target": "mqtts://127.0.0.1:8883"} | facts
    return replace(made, meta=made.meta.model_copy(update=facts))


def changes(**facts: Any) -> list[str]:
    return condition_changes(conditions_of(run()), conditions_of(run(**facts)))


def test_equal_conditions_have_one_hash() -> None:
    assert changes() == []
    assert conditions_hash(conditions_of(run())) == conditions_hash(conditions_of(run()))


@pytest.mark.parametrize(
    ("old", "new"), [("500ms", "300ms"), ("keys.psk", "other.psk"), ('duration = "10s"', 'duration = "20s"')]
)
def test_what_is_no_condition(old: str, new: str) -> None:
    """Thresholds change verdicts; another broker has other keys; the hold is compared as it was planned."""
    assert changes(warhead_toml=WARHEAD.replace(old, new)) == []


def test_another_broker_is_no_condition() -> None:
    assert changes(target="mqtts://127.0.0.1:8884") == []


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"warhead_toml": WARHEAD.replace("60", "70")}, "warhead: group[0].clients: 60 in A, 70 in B"),
        ({"duration_planned_s": 77.0}, "in B"),
        ({"target": "mqtt://127.0.0.1"}, "way in: mqtts, this host in A, mqtt, this host in B"),
        ({"target": "mqtts://10.0.0.7"}, "way in: mqtts, this host in A, mqtts, over the network in B"),
        ({"warhead_toml": WARHEAD.replace("psk_file", "cafile")}, "way in: psk_file: given in A, none in B"),
    ],
)
def test_what_is_a_condition(facts: dict[str, Any], line: str) -> None:
    found = changes(**facts)
    assert line in found[0]
    assert conditions_hash(conditions_of(run())) != conditions_hash(conditions_of(run(**facts)))


def changed_at(start_ns: int, by: str, **facts: Any) -> dict[str, Any]:
    made = ChangeFacts(at_ns=start_ns + 1_500_000_001, verb="add", change="meters: +500", by=by)
    return {"measure_start_ns": start_ns, "changes": (made,), **facts}


def test_a_change_counts_as_it_was_made_whoever_made_it() -> None:
    """By hand, or by the file that repeats it, which states the seed too."""
    stated = WARHEAD.replace("[attack]", 'change = [{ at = "1500000001ns", do = "meters: +500" }]\n[attack]\nseed = 7')
    by_hand = conditions_of(run(**changed_at(3_000_000_000, "browser")))
    by_file = conditions_of(run(**changed_at(5_000_000_000, "file", warhead_toml=stated)))
    assert condition_changes(by_hand, by_file) == []
    assert changes(**changed_at(0, "key")) == ["change 1: none in A, meters: +500 at 1.500000001 s in B"]


def test_another_host_is_a_condition() -> None:
    facts = run().meta.environment
    assert facts is not None
    assert changes(environment=facts.model_copy(update={"cores": 99})) == [f"host: cores: {facts.cores} in A, 99 in B"]


def test_unknown_conditions_are_not_alike() -> None:
    unknown = conditions_of(run(warhead_toml=None))
    assert condition_changes(unknown, unknown) == ["warhead: unknown in A, unknown in B"]


def test_the_load_of_a_search_is_no_condition() -> None:
    goal = SearchGoal(start=10, smallest=1, greatest=100, width=0.05, hold_s=10.0, probe_s=5.0)

    def searched(text: str, width: float = 0.05) -> Conditions:
        return searched_conditions(conditions_of(run(warhead_toml=text)), replace(goal, width=width))

    assert condition_changes(searched(WARHEAD), searched(WARHEAD.replace("60", "70"))) == []
    assert condition_changes(searched(WARHEAD), searched(WARHEAD, 0.1)) == ["search: width: 0.05 in A, 0.1 in B"]
