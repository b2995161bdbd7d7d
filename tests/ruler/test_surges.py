"""Surges against a broker of known behaviour: counted to the message, lost to none, on time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attacking import run_attack
from malaria.analysis.series import columns
from malaria.attack.runner import AttackOutcome
from malaria.clock import NS_PER_S
from malaria.records.rows import Counter, EventKind
from stub_broker import Behaviour
from stub_server import StubServer

S = NS_PER_S
COME_AND_GO = {"clients": 10, "at": 0, "hold": "2s"}
"""To publish from 1 s on: without a connect rate our own pace needs no time for them, and a second is added."""


def attack(stub: StubServer, tmp_path: Path, *surges: dict[str, Any], **options: Any) -> AttackOutcome:
    """20 clients at 10 messages a second for 3 s, and a subscriber that hears them all."""
    brief = {"clients": 20, "rate": "10", "duration": "3s", "connect_rate": 0, "surges": surges}
    return run_attack(stub.port, tmp_path, subscribers=1, **(brief | options))


def by_client(stub: StubServer) -> dict[int, list[int]]:
    """Due times of each client's messages as the broker saw them, in run time."""
    seen: dict[int, list[int]] = {}
    for one in stub.seen:
        assert one.header is not None
        seen.setdefault(one.header.client, []).append(one.header.due_ns)
    return seen


def test_every_message_of_a_surge_is_counted(tmp_path: Path) -> None:
    """At QoS 0, where a connection closed too early would lose what was said last."""
    with StubServer() as stub:
        outcome = attack(stub, tmp_path, COME_AND_GO, qos=0)
    assert list(stub.faults) == []
    messages, clients = outcome.summary["messages"], outcome.summary["clients"]
    base, theirs = 3 * 20 * 10, 1 * 10 * 10  # due from 1 s to 2 s
    assert messages["due"] == messages["sent"] == stub.counts.publishes == base + theirs
    assert messages["expected"] == messages["delivered"] == base + theirs
    assert [messages[name] for name in ("lost", "duplicated", "unresolved")] == [0, 0, 0]
    assert (clients["planned"], clients["connected_peak"], clients["connected"]) == (31, 31, 21)
    assert (clients["dropped"], clients["refused"]) == (0, 0)
    assert stub.counts.connections == stub.counts.disconnects + stub.counts.closed == 32  # one of them our probe

    (surge,) = outcome.records.meta.surges  # type: ignore[misc]
    begin_ns = outcome.records.meta.measure_start_ns
    dues = by_client(stub)
    for client in range(20, 30):
        assert [(due - begin_ns) // 10**8 for due in dues[client]] == list(range(10, 20))  # type: ignore[operator]
        assert max(dues[client]) < surge.remove_ns
    assert surge.add_ns == begin_ns  # type: ignore[operator]
    assert surge.remove_ns == begin_ns + 2 * S  # type: ignore[operator]
    assert surge.add_ns < surge.added_ns < surge.remove_ns < surge.removed_ns
    marks = [(e.at_ns, e.text) for e in outcome.records.events if e.kind is EventKind.SURGE]
    assert marks == [(surge.add_ns, "+10 clients"), (surge.remove_ns, "\N{MINUS SIGN}10 clients")]


@pytest.mark.alone
def test_the_sum_stays_even_from_second_to_second(tmp_path: Path) -> None:
    with StubServer() as stub:
        outcome = attack(stub, tmp_path, COME_AND_GO, COME_AND_GO | {"clients": 5, "at": "500ms"}, qos=2, workers=3)
    messages = outcome.summary["messages"]
    assert list(stub.faults) == []
    assert messages["due"] == messages["acked"] == messages["delivered"] == messages["expected"] == 750
    assert (messages["lost"], messages["unresolved"], messages["duplicated"]) == (0, 0, 0)
    begin_ns = outcome.records.meta.measure_start_ns
    dues = sorted(due - begin_ns for dues in by_client(stub).values() for due in dues)  # type: ignore[operator]
    tenths = [sum(due // 10**8 == tenth for due in dues) for tenth in range(30)]
    assert tenths == [20] * 10 + [30] * 5 + [35] * 5 + [25] * 5 + [20] * 5
    steps = [[at_ns - begin_ns, per_s] for at_ns, per_s in outcome.records.meta.rate_steps]  # type: ignore
    assert steps == [[0, 200], [S, 300], [1.5 * S, 350], [2 * S, 250], [2.5 * S, 200]]
    assert max(n for n in columns(outcome.records)["clients"] if isinstance(n, int)) == 36


def test_who_leaves_finishes_what_is_under_way_but_does_not_wait_for_ever(tmp_path: Path) -> None:
    """The broker acknowledges after 300 ms, and every tenth message never."""
    with StubServer(Behaviour(ack_delay_ns=300 * 10**6, unacked_every=10)) as stub:
        outcome = attack(stub, tmp_path, COME_AND_GO, drain="3s", inflight=100)
    messages = outcome.summary["messages"]
    assert messages["due"] == messages["sent"] == messages["delivered"] == 700
    assert messages["sent"] - messages["acked"] == stub.counts.unacked == 70
    assert (messages["lost"], messages["unresolved"], outcome.summary["clients"]["dropped"]) == (0, 0, 0)
    (surge,) = outcome.records.meta.surges  # type: ignore[misc]
    assert surge.removed_ns - surge.remove_ns >= 3 * S  # some of them waited the drain time out
    assert sum(sample.counters.get(Counter.ABANDONED, 0) for sample in outcome.records.samples) == 0
    assert sum(sample.counters.get(Counter.FORGOTTEN, 0) for sample in outcome.records.samples) > 0
