"""What a broker may and may not do with subscriptions and deliveries, and how the account and the verdict say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.analysis.summary_figures import Summary
from malaria.attacks.runner import AttackOutcome
from simulation import Machine, Simulation
from stub_broker import Behaviour

OVERLAP = {"filters": ["ruler/+/data", "ruler/#"]}
FILTER = "ruler/+/data"


def attack(directory: Path, behaviour: Behaviour, **options: Any) -> AttackOutcome:
    """Two clients send ten messages each to one subscriber."""
    load: dict[str, Any] = {"clients": 2, "messages": 10, "interval": "100ms", "duration": None, "subscribers": 1}
    return Simulation(behaviour).run(directory, **load | options)


def account(summary: Summary) -> tuple[Any, ...]:
    messages = summary.messages
    return messages.expected, messages.delivered, messages.duplicated, messages.overlapping, messages.duplicated_qos_2


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_copies_for_overlapping_filters_are_no_duplicates(tmp_path: Path, qos: int) -> None:
    outcome = attack(tmp_path, Behaviour(copies_by_filter=True), qos=qos, subscriber=OVERLAP)
    assert account(outcome.summary) == (20, 20, 0, 20, 0)
    assert outcome.summary.verdict.outcome == "PASS"


def test_a_copy_more_than_the_filters_allow_is_a_duplicate(tmp_path: Path) -> None:
    """Every fourth message comes twice, and each time once for each filter."""
    both = Behaviour(copies_by_filter=True, duplicate_every=4)
    outcome = attack(tmp_path, both, qos=2, subscriber=OVERLAP)
    assert account(outcome.summary) == (20, 20, 10, 20, 10)


def test_a_repeat_is_a_duplicate_where_no_filters_overlap(tmp_path: Path) -> None:
    outcome = attack(tmp_path, Behaviour(duplicate_every=4), qos=1)
    assert account(outcome.summary) == (20, 20, 5, 0, 0)
    assert outcome.summary.verdict.outcome == "PASS"  # QoS 1 allows it


def test_a_second_delivery_at_qos_2_fails(tmp_path: Path) -> None:
    outcome = attack(tmp_path, Behaviour(duplicate_every=4), qos=2)
    assert account(outcome.summary) == (20, 20, 5, 0, 5)
    verdict = outcome.summary.verdict
    assert (verdict.outcome, verdict.reasons[0].text) == ("FAIL", "5 messages of QoS 2 were delivered more than once")


def test_a_threshold_on_duplicates_allows_them_at_qos_2(tmp_path: Path) -> None:
    allowed = {"messages.duplicated": "<= 5"}
    outcome = attack(tmp_path, Behaviour(duplicate_every=4), qos=2, thresholds=allowed)
    assert outcome.summary.verdict.outcome == "PASS"


def test_nothing_is_expected_of_a_refused_subscription(tmp_path: Path) -> None:
    outcome = attack(tmp_path, Behaviour(refused_filters=(FILTER,)))
    messages, verdict = outcome.summary.messages, outcome.summary.verdict
    assert (messages.acked, messages.expected, messages.delivered, messages.lost) == (20, 0, 0, 0)
    assert verdict["reasons"] == ["the broker refused 1 subscription"]
    assert "access rules" in verdict.reasons[0].remedy
    assert outcome.run.ledger is not None
    assert outcome.run.ledger.notes == ("Nothing is expected of 1 refused subscription.",)


def test_what_a_granted_filter_matches_is_expected_in_spite_of_a_refused_one(tmp_path: Path) -> None:
    """Of two filters one is refused; only it matches the messages, or both do."""
    narrow = {"filters": [FILTER, "other/#"]}
    alone = attack(tmp_path / "alone", Behaviour(refused_filters=(FILTER,)), subscriber=narrow).summary
    assert (alone.messages.expected, alone.messages.lost) == (0, 0)
    both = attack(tmp_path / "both", Behaviour(refused_filters=(FILTER,)), subscriber=OVERLAP).summary
    assert (both.messages.expected, both.messages.delivered) == (20, 20)


def test_the_member_that_is_left_is_owed_what_a_shared_subscription_matches(tmp_path: Path) -> None:
    """The stub knows no shared subscriptions, so that both members of a refused one are without messages."""
    shared = f"$share/all/{FILTER}"
    outcome = attack(tmp_path, Behaviour(refused_filters=(shared,)), subscribers=2, subscriber={"topic": shared})
    assert (outcome.summary.messages.expected, outcome.summary.messages.lost) == (0, 0)


def test_a_subscription_with_less_than_was_asked_is_named(tmp_path: Path) -> None:
    outcome = attack(tmp_path, Behaviour(most_granted=0), qos=1)
    assert outcome.summary.verdict.outcome == "PASS"
    assert outcome.summary.verdict["reasons"] == ["the broker granted 1 subscription a lower QoS than asked"]
    events = [event.text for event in outcome.run.events]
    assert "the broker granted QoS 0 to a subscription that asked for QoS 1" in events


@pytest.mark.parametrize(
    ("topic", "lost", "publishers"),
    [(FILTER, 20, "2 publishers"), ("ruler/malaria-run-publishers-1/data", 10, "1 publisher")],
)
def test_losses_that_look_like_access_rules_are_named(tmp_path: Path, topic: str, lost: int, publishers: str) -> None:
    verdict = attack(tmp_path, Behaviour(dropped_topics=(topic,))).summary.verdict
    assert verdict.outcome == "FAIL"
    assert verdict.reasons[0].text == (
        f"1 subscriber lost {lost} of 20 deliveries: it was sent 21.1 msg/s, and none of the messages of {publishers} "
        "arrived; all publishes were acknowledged"
    )
    assert "access rules (ACL)" in verdict.reasons[0].remedy


def test_losses_of_some_messages_do_not_look_like_access_rules(tmp_path: Path) -> None:
    verdict = attack(tmp_path, Behaviour(lose_every=3)).summary.verdict
    assert "none of the messages" not in verdict.reasons[0].text
    assert "access rules" not in verdict.reasons[0].remedy


def test_clients_that_are_thrown_out_at_once_are_explained(tmp_path: Path) -> None:
    outcome = attack(tmp_path, Behaviour(second_connack=True))
    (reason,) = outcome.summary.verdict.reasons[:1]
    assert reason.outcome == "UNKNOWN"
    assert reason.text.startswith(
        "the attack ended early: clients connected, and the broker ended each connection again: malformed: CONNACK"
    )


def test_a_flood_of_pubrels_is_the_broker_s_fault(tmp_path: Path) -> None:
    """The flood keeps the machine busy, so that messages leave late."""
    simulation = Simulation(Behaviour(stray_pubrels=200), machines=[Machine(turn_ns=30_000_000)])
    outcome = simulation.run(tmp_path, clients=2, interval="10ms", duration="2s", own_lag_limit="5ms")
    verdict = outcome.summary.verdict
    assert verdict.outcome == "FAIL"
    assert verdict.reasons[0].text.startswith("the broker sent 80,000 packets that answer nothing: ")
    assert not any("this machine was the limit" in reason.text for reason in verdict.reasons)
