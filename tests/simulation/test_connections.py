"""Connects, keep-alive and connections that end, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from exactly import MS, S, of_values, recorded, total
from malaria.mqtt.reasons import SESSION_TAKEN_OVER
from malaria.records.rows import Counter, EventKind, Metric, Progress
from simulation import Link, Simulation, crash, restore
from stub_broker import Behaviour, Connection, StubBroker
from stub_packets import CONNACK, CONNECT, DISCONNECT, framed

ACCEPT_NS = 100_000


def test_a_storm_of_connects_costs_those_a_second_that_the_backlog_drops(tmp_path: Path) -> None:
    """The kernel keeps 101 of 300 connections; a SYN that it drops is repeated after 1 s, and then after 2 s more."""
    simulation = Simulation(link=Link(accepts_per_s=S / ACCEPT_NS, backlog=100))
    outcome = simulation.run(
        tmp_path, role="connect", clients=300, connect_rate=0, connects_in_progress=1000, duration="1s"
    )
    waits = [second * S + place * ACCEPT_NS for second, many in ((0, 101), (1, 101), (3, 98))
             for place in range(1, many + 1)]  # fmt: skip
    assert recorded(outcome, Metric.CONNECT) == of_values(waits)
    assert total(outcome, Counter.CONNECTED) == 300


def test_connects_bounded_in_number_are_not_dropped(tmp_path: Path) -> None:
    """Never more than 50 at once before a backlog of 100: no haste of ours is measured as slowness of the broker."""
    simulation = Simulation(link=Link(accepts_per_s=S / ACCEPT_NS, backlog=100))
    outcome = simulation.run(
        tmp_path, role="connect", clients=300, connect_rate=0, connects_in_progress=50, duration="1s"
    )
    assert recorded(outcome, Metric.CONNECT) == of_values(
        [place * ACCEPT_NS for place in range(1, 50)] + [50 * ACCEPT_NS] * 251
    )


def test_what_is_noted_before_the_load_is_told_at_once(tmp_path: Path) -> None:
    """Such as the memory that large windows take: who reads it in the report alone has waited for the load."""
    told: list[Progress] = []
    note = "the in-flight windows of publishers take 688 MB of memory"
    outcome = Simulation(notes=(note,)).run(tmp_path, on_progress=told.append, role="connect", clients=1, duration="1s")
    first = next(progress for progress in told if progress.events)
    assert (first.load_start_ns, first.events[0].text) == (None, note)
    assert outcome.run.meta.notes == (note,)


def test_connects_are_paced(tmp_path: Path) -> None:
    """100 a second for 3 s: the last of 300 comes 2.99 s after the first."""
    simulation = Simulation()
    outcome = simulation.run(tmp_path, role="connect", clients=300, connect_rate=100, duration="1s")
    per_second = [sample.counters.get(Counter.CONNECTED, 0) for sample in outcome.run.samples]
    assert [count for count in per_second if count] == [102, 100, 98]  # an idle pace has saved up two
    assert recorded(outcome, Metric.CONNECT) == of_values([0] * 300)


def test_a_silent_client_pings_once_per_keep_alive(tmp_path: Path) -> None:
    """A tick every 0.1 s looks for silence of 10 s, from the last thing said: CONNECT."""
    simulation = Simulation()
    outcome = simulation.run(tmp_path, role="connect", clients=5, keepalive="10s", duration="65s")
    assert simulation.broker.counts.pings == total(outcome, Counter.PINGS) == 5 * 6
    assert outcome.summary["clients"]["dropped"] == 0


def test_a_broker_that_answers_no_ping_loses_its_clients(tmp_path: Path) -> None:
    """Each waits 10 s for silence and 10 s for an answer, and comes back at once."""
    simulation = Simulation(Behaviour(answer_pings=False))
    outcome = simulation.run(
        tmp_path, role="connect", clients=5, keepalive="10s", duration="65s", reconnect=["100ms", "1s"]
    )
    assert total(outcome, Counter.PING_TIMEOUTS) == outcome.summary["clients"]["dropped"] == 5 * 3
    assert outcome.summary["clients"]["reconnects"] == 5 * 3


def test_a_broker_that_is_gone_for_a_while(tmp_path: Path) -> None:
    """Killed after 1 s and back after 2: attempts after 0.1, 0.2, 0.4 and 0.8 s, of which the last comes through.

    Without a stored session the messages that were in flight are forgotten; none were. What was due meanwhile waits.
    """
    simulation = Simulation(story=[(1.0005, crash), (2.0, restore)])
    outcome = simulation.run(tmp_path, clients=10, rate="10", duration="4s", reconnect=["100ms", "1s"])
    clients, messages = outcome.summary["clients"], outcome.summary["messages"]
    assert (clients["dropped"], clients["refused"], clients["reconnects"]) == (10, 30, 10)
    assert messages["due"] == messages["sent"] == messages["acked"] == 400
    waits = [1_500_500_000 - after for after in range(10 * MS, 1500 * MS, 10 * MS)]
    assert total(outcome, Counter.HELD_OFFLINE) == len(waits) + 1
    ack = recorded(outcome, Metric.ACK)
    assert sum(ack.values()) == 400
    assert max(ack) <= 1_500_500_000
    marks = [event.text for event in outcome.run.events if event.kind is EventKind.TROUBLE]
    assert any(text.startswith("connection lost: ") for text in marks)


def test_a_broker_that_never_comes_back_is_a_fail_with_the_figures_until_then(tmp_path: Path) -> None:
    simulation = Simulation(story=[(1.5, crash)])
    outcome = simulation.run(tmp_path, 1, clients=20, rate="10", duration="4s", drain="1s", thresholds={},
                             reconnect=["100ms", "500ms"])  # fmt: skip
    summary = outcome.summary
    assert summary["verdict"]["outcome"] == "FAIL"
    assert (summary["clients"]["connected"], summary["clients"]["dropped"]) == (0, 21)
    assert (summary["messages"]["due"], summary["messages"]["acked"]) == (800, 300)
    assert outcome.run.meta.connect_failures == {"nothing listens at this port": 21}


def test_every_reconnect_is_counted_and_nothing_is_numbered_twice(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(close_after_messages=100))
    outcome = simulation.run(tmp_path, 1, rate="20", clients=10, clean_start=False, reconnect=["100ms", "1s"])
    messages, clients = outcome.summary["messages"], outcome.summary["clients"]
    assert clients["dropped"] == clients["reconnects"] == simulation.broker.counts.closed == 1
    assert messages["sent"] == messages["acked"] == messages["delivered"] == 400
    assert messages["lost"] == messages["unresolved"] == messages["duplicated"] == 0
    again = [seen for seen in simulation.broker.seen if seen.dup]
    assert len(again) == total(outcome, Counter.REDELIVERED) == 1
    assert simulation.broker.counts.publishes == 401


def test_a_message_in_flight_on_a_lost_connection_without_a_session_is_forgotten(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(close_after_messages=100))
    outcome = simulation.run(tmp_path, 1, rate="20", clients=10, reconnect=["100ms", "1s"])
    messages = outcome.summary["messages"]
    assert (messages["sent"], messages["acked"], messages["delivered"]) == (400, 399, 399)
    assert (messages["lost"], messages["unresolved"], total(outcome, Counter.FORGOTTEN)) == (0, 1, 1)


@pytest.mark.parametrize("garbage", [b"\xff" * 64, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x30\x00", b"\x00"])
def test_garbage_is_survived_and_named(tmp_path: Path, garbage: bytes) -> None:
    simulation = Simulation(Behaviour(garbage_after_messages=150, garbage=garbage))
    outcome = simulation.run(tmp_path, 1, rate="20", clients=10, reconnect=["100ms", "1s"])
    assert total(outcome, Counter.MALFORMED) == outcome.summary["clients"]["dropped"] == 1
    assert outcome.summary["messages"]["due"] == 400
    assert any("malformed" in event.text for event in outcome.run.events)
    assert outcome.summary["verdict"]["outcome"] == "FAIL"


def test_a_refusal_is_counted_for_every_attempt(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(connack_code=5, refuse_every=2))
    outcome = simulation.run(tmp_path, clients=8, rate="10", reconnect=["100ms", "1s"])
    clients = outcome.summary["clients"]
    assert clients["refused"] == simulation.broker.counts.refused
    assert clients["connected"] == 8


def test_a_target_that_answers_no_syn_is_given_up(tmp_path: Path) -> None:
    """Two clients, a connect timeout of 1 s, and 3 s more in which nobody becomes ready."""
    simulation = Simulation()
    simulation.network.silent = True
    outcome = simulation.run(tmp_path, clients=2, rate="10", connect_timeout="1s", reconnect=["100ms", "1s"])
    assert outcome.summary["verdict"]["outcome"] in ("FAIL", "UNKNOWN")
    assert outcome.run.meta.aborted == "no client could connect"
    assert total(outcome, Counter.CONNECT_TIMEOUTS) == outcome.summary["clients"]["refused"] == 2 * 3


def test_a_message_cut_in_half_counts_as_sent_when_its_session_sends_it_again(tmp_path: Path) -> None:
    """The kernel took a part of a message, the broker went down and came back with the session."""
    link = Link(latency_ns=20 * MS, send_buffer=300)
    simulation = Simulation(link=link, story=[(1.1, crash), (1.3, restore)])
    outcome = simulation.run(
        tmp_path, clients=1, qos=1, rate=2, size=2000, clean_start=False, reconnect=["100ms", "1s"], duration="2s"
    )
    messages = outcome.summary["messages"]
    assert total(outcome, Counter.REDELIVERED) == 1
    assert messages["due"] == messages["sent"] == messages["acked"] == 4


class Broker5(StubBroker):
    """Speaks as much MQTT 5 as clients need that publish; ends a connection for an id that comes again, and says so."""

    def take_over(self, client_id: str) -> None:
        """Do what a broker does for a client whose id connects again elsewhere (MQTT-3.1.4-3)."""
        connection = self._sessions[client_id].connection
        assert connection is not None
        self._send(connection, framed(DISCONNECT << 4, bytes((SESSION_TAKEN_OVER, 0))))
        self._close(connection)

    def _process(self, connection: Connection, first: int, body: bytes, now_ns: int) -> None:
        if first >> 4 == CONNECT:
            assert body[6] == 5
            body = body[:6] + b"\x04" + body[7:10] + body[11 + body[10] :]  # as in MQTT 3.1.1, without properties
        super()._process(connection, first, body, now_ns)

    def _enter(self, connection: Connection, client_id: str, clean: bool) -> None:
        super()._enter(connection, client_id, clean)
        self._outputs.pop()  # the CONNACK of MQTT 3.1.1
        self._send(connection, bytes((CONNACK << 4, 3, 0, 0, 0)))


def test_a_takeover_is_named(tmp_path: Path) -> None:
    """After half a second the id of one of two clients connects elsewhere, and the broker says why it closes ours."""
    broker = Broker5()
    simulation = Simulation(broker=broker, story=[(0.52, lambda _: broker.take_over("meter-0"))])
    outcome = simulation.run(
        tmp_path,
        clients=2,
        rate="10",
        duration="2s",
        protocol="5",
        client_id="meter-{index}",
        reconnect=["100ms", "1s"],
    )
    assert total(outcome, Counter.TAKEN_OVER) == outcome.summary["clients"]["dropped"] == 1
    (lost,) = [event.text for event in outcome.run.events if event.kind is EventKind.TROUBLE]
    assert lost == "connection lost: the broker sent DISCONNECT: session taken over by another client of this id"
    (reason,) = outcome.summary["verdict"].reasons
    assert (
        reason.remedy == "another client uses the same client ids, perhaps a second attack: put {run} into --client-id"
    )
