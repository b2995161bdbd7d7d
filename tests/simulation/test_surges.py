"""Surges into and out of a running load, in virtual time: counted to the message, lost to none, on time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exactly import S, dues_by_client, total
from malaria.analysis.series import columns
from malaria.attacks.runner import AttackOutcome
from malaria.records.rows import Counter, EventKind
from simulation import Machine, Simulation, kill, press_ctrl_c
from stub_broker import Behaviour

COME_AND_GO = {"clients": 10, "at": 0, "hold": "2s"}
"""To publish from 1 s on: without a connect rate our own pace needs no time for them, and a second is added."""


def attack(simulation: Simulation, tmp_path: Path, *surges: dict[str, Any], **options: Any) -> AttackOutcome:
    """20 clients at 10 messages a second for 3 s, and a subscriber that hears them all."""
    brief = {"clients": 20, "rate": "10", "duration": "3s", "connect_rate": 0, "surges": surges}
    return simulation.run(tmp_path, 1, **(brief | options))


def test_every_message_of_a_surge_is_counted(tmp_path: Path) -> None:
    """At QoS 0, where a connection closed too early would lose what was said last."""
    simulation = Simulation()
    outcome = attack(simulation, tmp_path, COME_AND_GO, qos=0)
    broker = simulation.broker
    assert broker.faults == []
    messages, clients = outcome.summary["messages"], outcome.summary["clients"]
    base, theirs = 3 * 20 * 10, 1 * 10 * 10  # due from 1 s to 2 s
    assert messages["due"] == messages["sent"] == broker.counts.publishes == base + theirs
    assert messages["expected"] == messages["delivered"] == base + theirs
    assert [messages[name] for name in ("lost", "duplicated", "unresolved")] == [0, 0, 0]
    assert (clients["planned"], clients["connected_peak"], clients["connected"]) == (31, 31, 21)
    assert (clients["dropped"], clients["refused"]) == (0, 0)
    assert broker.counts.accepted == broker.counts.disconnects == 31

    meta = outcome.run.meta
    (surge,) = meta.surges
    begin_ns = meta.measure_start_ns
    dues = dues_by_client(broker)
    for client in range(20, 30):
        assert [(due - begin_ns) // 10**8 for due in dues[client]] == list(range(10, 20))
    assert surge.add_ns == surge.added_ns == begin_ns
    assert surge.remove_ns == begin_ns + 2 * S
    assert surge.removed_ns == surge.remove_ns + 10_000_000  # one lot, and a look whether the broker has closed
    marks = [(e.at_ns, e.text) for e in outcome.run.events if e.kind is EventKind.SURGE]
    assert marks == [(surge.add_ns, "+10 clients"), (surge.remove_ns, "\N{MINUS SIGN}10 clients")]


def test_the_sum_stays_even_from_second_to_second(tmp_path: Path) -> None:
    simulation = Simulation(machines=[Machine()] * 3)
    outcome = attack(simulation, tmp_path, COME_AND_GO, COME_AND_GO | {"clients": 5, "at": "500ms"}, qos=2)
    messages = outcome.summary["messages"]
    assert simulation.broker.faults == []
    assert messages["due"] == messages["acked"] == messages["delivered"] == messages["expected"] == 750
    assert (messages["lost"], messages["unresolved"], messages["duplicated"]) == (0, 0, 0)
    begin_ns = outcome.run.meta.measure_start_ns
    dues = sorted(due - begin_ns for dues in dues_by_client(simulation.broker).values() for due in dues)
    tenths = [sum(due // 10**8 == tenth for due in dues) for tenth in range(30)]
    assert tenths == [20] * 10 + [30] * 5 + [35] * 5 + [25] * 5 + [20] * 5
    steps = [[at_ns - begin_ns, per_s] for at_ns, per_s in outcome.run.meta.rate_steps]
    assert steps == [[0, 200], [S, 300], [1.5 * S, 350], [2 * S, 250], [2.5 * S, 200]]
    assert max(n for n in columns(outcome.run)["clients"] if isinstance(n, int)) == 36


def test_clients_that_leave_finish_what_is_under_way_but_do_not_wait_for_ever(tmp_path: Path) -> None:
    """The broker acknowledges after 300 ms, and every tenth message never."""
    simulation = Simulation(Behaviour(ack_delay_ns=300 * 10**6, unacked_every=10))
    outcome = attack(simulation, tmp_path, COME_AND_GO, drain="3s", inflight=100)
    messages = outcome.summary["messages"]
    assert messages["due"] == messages["sent"] == messages["delivered"] == 700
    assert messages["sent"] - messages["acked"] == simulation.broker.counts.unacked == 70
    assert (messages["lost"], messages["unresolved"], outcome.summary["clients"]["dropped"]) == (0, 0, 0)
    (surge,) = outcome.run.meta.surges
    assert surge.removed_ns - surge.remove_ns >= 3 * S  # some of them waited the drain time out
    assert total(outcome, Counter.ABANDONED) == 0
    assert total(outcome, Counter.FORGOTTEN) > 0


def test_a_worker_dies_in_a_surge_and_then_the_operator_loses_patience(tmp_path: Path) -> None:
    """What had happened of the surge is in the record, what had not is not."""
    story = [(1.5, kill("1")), (2.5, press_ctrl_c)]
    simulation = Simulation(machines=[Machine()] * 2, story=story)
    surge = {"clients": 10, "at": "1s", "hold": "5s"}
    outcome = attack(simulation, tmp_path, surge, duration="20s")
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
    assert [event.text for event in outcome.run.events if event.kind is EventKind.SURGE] == ["+10 clients"]
    (stored,) = outcome.run.meta.surges
    assert stored.add_ns == outcome.run.meta.measure_start_ns + S
    assert (stored.remove_ns, stored.removed_ns) == (None, None)
    assert outcome.run.meta.measure_end_ns == outcome.run.meta.measure_start_ns + round(2.5 * S)
