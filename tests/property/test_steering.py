"""Random changes of random loads: every message is due when a plain model says so, and the account adds up."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exactly import MS, S, dues_by_client, total
from malaria.records.rows import Counter
from simulation import Machine, Simulation
from steered_load import ModelLoad
from stub_broker import Behaviour

type Wish = tuple[str, int]

WISHES = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 40)),
    st.tuples(st.just("remove"), st.integers(1, 40)),
    st.tuples(st.just("rate"), st.integers(1, 30)),
    st.tuples(st.sampled_from(["pause", "resume"]), st.just(0)),
    st.tuples(st.sampled_from(["cut", "storm"]), st.integers(1, 30)),
)
LENGTH_NS = 6 * S


def steered(wishes: list[tuple[Wish, int]], model: ModelLoad) -> tuple[list[tuple[str, str]], bool]:
    """Turn wishes into the changes of a file, as far as they fit, and make them to the model.

    Also tells whether a connection is broken.
    """
    changes: list[tuple[str, str]] = []
    broken = False
    at_ns = 0
    for (verb, count), gap_ms in wishes:
        at_ns += gap_ms * MS
        text = ""
        if verb == "add":
            text = f"+{count}"
            model.add(at_ns, count)
        elif verb == "remove" and count < model.there:
            text = f"-{count}"
            model.remove(at_ns, count)
        elif verb == "rate" and model.messages is None:
            text = f"rate={count}/s"
            model.rate(at_ns, count)
        elif verb == "pause" and model.paused_ns is None:
            text = "pause"
            model.pause(at_ns)
        elif verb == "resume" and model.paused_ns is not None:
            text = "resume"
            model.resume(at_ns)
        elif verb in ("cut", "storm"):
            text = f"cut {count}" if verb == "cut" else "publishers: storm"
            broken = True
        if text:
            changes.append((f"{at_ns // MS}ms", text))
    return changes, broken


@settings(max_examples=30, deadline=None)
@given(
    wishes=st.lists(st.tuples(WISHES, st.integers(0, 1000)), max_size=5),
    clients=st.integers(1, 25),
    per_s=st.integers(1, 20),
    messages=st.one_of(st.none(), st.integers(1, 40)),
    qos=st.sampled_from([0, 1, 2]),
    workers=st.integers(1, 3),
)
def test_the_account_of_any_changes_adds_up(
    wishes: list[tuple[Wish, int]], clients: int, per_s: int, messages: int | None, qos: int, workers: int
) -> None:
    model = ModelLoad(clients, per_s, messages)
    changes, broken = steered(wishes, model)
    simulation = Simulation(Behaviour(ack_delay_ns=MS), machines=[Machine()] * workers)
    with tempfile.TemporaryDirectory() as directory:
        outcome = simulation.run(
            Path(directory), 1, clients=clients, rate=str(per_s), messages=messages, qos=qos, duration="6s",
            connect_rate=0, changes=changes, inflight=100,
        )  # fmt: skip
    counted = outcome.summary["messages"]
    expected = model.dues(LENGTH_NS)
    begin_ns = outcome.run.meta.measure_start_ns
    assert outcome.run.meta.unmade_changes == ()
    assert counted["due"] == sum(map(len, expected))
    assert counted["sent"] + total(outcome, Counter.ABANDONED) == counted["due"]
    assert counted["expected"] == counted["delivered"] + counted["lost"] + counted["unresolved"]
    assert counted["lost"] == counted["unresolved"] == 0
    assert outcome.summary["clients"]["connected_peak"] <= 1 + sum(map(len, model.cohorts))
    assert simulation.broker.faults == []
    if not broken:
        seen = [[due - begin_ns for due in each] for each in dues_by_client(simulation.broker).values()]
        assert sorted(seen) == expected
        assert counted["expected"] == counted["sent"]
        assert counted["acked"] in (counted["sent"], None)
