"""The account of messages that were never acknowledged: each sequence once, explained or not."""

from __future__ import annotations

import numpy as np

from malaria.engine.unacked import Unacked
from malaria.engine.window import AWAIT_PUBACK, Window
from malaria.model.warhead import Warhead
from malaria.plan.clients import GroupPlan, Identity, make_plan
from malaria.schedule.share import WHOLE


def group_plan(qos: int) -> GroupPlan:
    group = {"name": "g", "role": "publish", "clients": 2, "interval": "1s", "size": "20", "topic": "t", "qos": qos}
    warhead = Warhead.model_validate({"group": [group], "attack": {"duration": "1s"}})
    return make_plan(warhead, WHOLE, Identity("r", 1, 1)).groups[0]


def in_flight(window: Window, place: int, sequence: int, due_ns: int) -> None:
    window.state[place] = AWAIT_PUBACK
    window.sequence_at[place] = sequence
    window.due_at[place] = due_ns


def test_messages_are_listed_whether_in_flight_forgotten_or_refused() -> None:
    window = Window(2, 2)
    unacked = Unacked(group_plan(1), window)
    in_flight(window, 0, sequence=3, due_ns=30)
    in_flight(window, 1, sequence=2, due_ns=20)
    assert unacked.forget_in_flight(0) == 2
    assert window.in_flight == 0
    in_flight(window, 0, sequence=4, due_ns=40)
    unacked.explain(1, 7)
    unacked.give_up_held([50, 60])
    account = unacked.published(np.array([5, 8]))
    assert account.unacked == {0: [2, 3, 4], 1: [7]}
    assert account.explained == 1
    assert account.acknowledged.all()
    assert sorted(unacked.dues_ns().tolist()) == [20, 30, 40, 50, 60]


def test_a_message_that_was_cut_off_becomes_whole_once_by_sending_it_again() -> None:
    window = Window(1, 2)
    unacked = Unacked(group_plan(1), window)
    in_flight(window, 0, sequence=5, due_ns=1)
    assert not unacked.cut_part(0, 5)
    assert not unacked.completes(0, 4)
    assert [unacked.completes(0, 5), unacked.completes(0, 5)] == [True, False]
    assert unacked.cut_part(0, 6)  # no slot holds it: acknowledged before its last byte was sent


def test_a_forgotten_session_does_not_make_its_cut_message_whole() -> None:
    window = Window(1, 2)
    unacked = Unacked(group_plan(1), window)
    in_flight(window, 0, sequence=5, due_ns=1)
    unacked.cut_part(0, 5)
    unacked.forget_in_flight(0)
    assert not unacked.completes(0, 5)


def test_at_qos_0_a_message_is_open_until_its_last_byte_is_taken() -> None:
    unacked = Unacked(group_plan(0), None)
    unacked.begin_part(0, 1)
    unacked.begin_part(0, 2)
    unacked.finish_part(0, 1, 9)
    assert not unacked.cut_part(0, 2)
    assert unacked.forget_in_flight(0) == 0
    account = unacked.published(np.array([3, 0]))
    assert account.unacked == {0: [2]}
    assert not account.acknowledged.any()


def test_what_we_cut_off_ourselves_is_kept_apart() -> None:
    """Forgotten with its session, or still in flight; and it waits for nobody but us."""
    window = Window(2, 2)
    unacked = Unacked(group_plan(1), window)
    in_flight(window, 0, sequence=3, due_ns=30)
    in_flight(window, 2, sequence=8, due_ns=80)
    unacked.cut |= {0, 1}
    assert unacked.in_flight_dues_ns().tolist() == []
    unacked.forget_in_flight(0)
    unacked.cut.discard(0)
    in_flight(window, 0, sequence=4, due_ns=40)
    account = unacked.published(np.array([5, 9]))
    assert account.unacked == {0: [3, 4], 1: [8]}
    assert account.cut_off == {0: [3], 1: [8]}
    assert unacked.dues_ns().tolist() == [40]


def test_a_message_of_qos_0_is_cut_off_while_the_kernel_has_a_part_of_it() -> None:
    unacked = Unacked(group_plan(0), None)
    unacked.begin_part(0, 2)
    unacked.cut.add(0)
    assert not unacked.cut_part(0, 2)
    assert unacked.published(np.array([3, 0])).cut_off == {0: [2]}
