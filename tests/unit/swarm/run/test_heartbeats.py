"""Which party has gone silent."""

from __future__ import annotations

import pytest

from malaria.swarm.run.heartbeats import (
    BEE_HEARTBEAT_NS,
    BEE_PATIENCE_NS,
    CONDUCTOR_HEARTBEAT_S,
    CONDUCTOR_PATIENCE_NS,
    Heartbeats,
    gather_s,
)

S = 1_000_000_000


def test_a_bee_that_is_silent_for_too_long_is_told_once() -> None:
    heartbeats = Heartbeats(["bee-1", "bee-2"], 0, 3 * S)
    heartbeats.heard("bee-1", 2 * S)
    assert heartbeats.silent(3 * S) == []
    assert heartbeats.silent(3 * S + 1) == ["bee-2"]
    assert heartbeats.silent(4 * S) == []


def test_a_word_of_one_that_was_given_up_changes_nothing() -> None:
    heartbeats = Heartbeats(["bee-1"], 0, 3 * S)
    assert heartbeats.silent(4 * S) == ["bee-1"]
    heartbeats.heard("bee-1", 5 * S)
    assert heartbeats.silent(60 * S) == []


def test_nobody_waits_for_one_that_has_finished() -> None:
    heartbeats = Heartbeats(["bee-1"], 0, 3 * S)
    heartbeats.dismiss("bee-1")
    assert heartbeats.silent(60 * S) == []


def test_words_that_come_in_another_order_do_not_make_it_older() -> None:
    heartbeats = Heartbeats(["bee-1"], 0, 3 * S)
    heartbeats.heard("bee-1", 5 * S)
    heartbeats.heard("bee-1", 1 * S)
    assert heartbeats.silent(7 * S) == []


def test_the_more_bees_the_rarer_their_words_but_never_too_rare() -> None:
    assert gather_s(20) == 0.25
    assert gather_s(300) == pytest.approx(0.375)
    for bees in (1, 20, 1000, 10**6):
        assert 4 * gather_s(bees) * S < BEE_PATIENCE_NS


def test_a_bee_is_given_up_before_it_gives_itself_up_and_both_within_five_seconds() -> None:
    assert 2 * BEE_HEARTBEAT_NS < BEE_PATIENCE_NS < CONDUCTOR_PATIENCE_NS
    assert CONDUCTOR_PATIENCE_NS + BEE_HEARTBEAT_NS < 5 * S
    assert 3 * CONDUCTOR_HEARTBEAT_S * S < CONDUCTOR_PATIENCE_NS
