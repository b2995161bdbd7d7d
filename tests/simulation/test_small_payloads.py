"""Payloads that have no room for the header: counted by topic and order, or said to be uncountable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.attacks.runner import AttackOutcome
from malaria.records.rows import Metric
from simulation import Simulation
from stub_broker import Behaviour


def attack(directory: Path, behaviour: Behaviour, **options: Any) -> AttackOutcome:
    """Four clients send ten messages of four bytes each to one subscriber."""
    load: dict[str, Any] = {"clients": 4, "messages": 10, "interval": "100ms", "duration": None, "subscribers": 1}
    return Simulation(behaviour).run(directory, **load | {"size": 4} | options)


def account(outcome: AttackOutcome) -> tuple[Any, ...]:
    messages = outcome.summary.messages
    return messages.expected, messages.delivered, messages.lost, messages.acked_lost, messages.unresolved


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_the_topic_and_the_order_tell_messages(tmp_path: Path, qos: int) -> None:
    outcome = attack(tmp_path, Behaviour(), qos=qos)
    assert account(outcome) == (40, 40, 0, 0, 0)
    messages = outcome.summary.messages
    assert (messages.duplicated, messages.reordered) == (None, None)
    assert outcome.summary.latency_ms[Metric.END_TO_END].count == 0
    assert outcome.summary.rates.delivered_per_s == pytest.approx(42, abs=2)
    assert outcome.summary.verdict.outcome == "PASS"


def test_losses_are_counted_to_the_message(tmp_path: Path) -> None:
    outcome = attack(tmp_path, Behaviour(lose_every=5), qos=1)
    assert account(outcome) == (40, 32, 8, 8, 0)
    assert outcome.run.ledger is not None
    assert [(one.subscribers, one.lost) for one in outcome.run.ledger.losses] == [(1, 8)]


def test_a_message_that_came_twice_is_said(tmp_path: Path) -> None:
    outcome = attack(tmp_path, Behaviour(duplicate_every=10), qos=1)
    assert account(outcome) == (40, 40, 0, 0, 0)
    assert outcome.run.ledger is not None
    assert "4 messages more came than were sent: some came twice." in outcome.run.ledger.notes


def test_without_a_topic_of_their_own_deliveries_cannot_be_counted(tmp_path: Path) -> None:
    outcome = attack(tmp_path, Behaviour(), topic="ruler/all/data")
    why = "eliveries cannot be counted: the payload is too small for the header, and its topic is not the client's own"
    assert account(outcome)[:4] == (None,) * 4
    assert outcome.summary.rates.delivered_per_s is None
    assert outcome.run.ledger is not None
    assert outcome.run.ledger.notes == (f"D{why}.",)
    assert outcome.run.events[0].text == f"d{why}"
