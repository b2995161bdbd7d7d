"""The changes of a warhead: decided in the order of time, ahead of it, and left out aloud where they do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.control.change_schedule import HAND_NOTICE_NS, NOTICE_NS
from malaria.control.changes import DisconnectClients, TimedChange
from malaria.control.conductor import AttackTiming, Conductor
from malaria.control.file_changes import FileChanges
from malaria.control.messages import Order
from malaria.control.steering import FROM_FILE, Steering
from malaria.model.planned_change import PlannedChange
from malaria.model.wanted_change import WantedChange
from malaria.plan.surge_schedule import SurgeTimes
from malaria.records.rows import Event, EventKind, RunPhase

START_NS = 5 * NS_PER_S
TIMING = AttackTiming(warmup_ns=0, duration_ns=None, drain_ns=0, connect_timeout_ns=0, counted=False)


class NotedSteering:
    """Takes what is in `fitting`, and notes when each change was decided for."""

    def __init__(self, *fitting: str) -> None:
        self._fitting = fitting
        self.decided: list[tuple[str, int]] = []

    def decide(
        self, wanted: WantedChange, effect_ns: int, *, only_look: bool, by: str
    ) -> tuple[ChangeAnswer, list[Order]]:
        assert not only_look
        assert by == FROM_FILE
        self.decided.append((str(wanted), effect_ns))
        if str(wanted) not in self._fitting:
            return ChangeAnswer(AnswerKind.CONFLICT, "meters has 3 clients"), []
        return ChangeAnswer(AnswerKind.TAKEN, ""), [TimedChange(effect_ns, DisconnectClients(str(wanted), 1))]


def loading(*changes: tuple[str, str], fitting: tuple[str, ...] = ()) -> tuple[FileChanges, NotedSteering, Conductor]:
    conductor, steering = Conductor(("1",), TIMING), NotedSteering(*fitting)
    planned = [PlannedChange.model_validate({"at": at, "do": do}) for at, do in changes]
    made = FileChanges(planned, conductor, cast(Steering, steering))
    conductor.phase, conductor.measure_start_ns = RunPhase.MEASURE, START_NS
    return made, steering, conductor


def test_they_are_decided_ahead_in_the_order_of_time() -> None:
    made, steering, conductor = loading(
        ("3s", "+1"), ("1s", "pause"), ("1s", "storm"), fitting=("+1", "pause", "storm")
    )
    at_ns = START_NS + NS_PER_S
    made.advance(at_ns - NOTICE_NS - 1)
    assert steering.decided == []
    assert conductor.change_schedule.expects_more
    made.advance(at_ns - NOTICE_NS)
    assert steering.decided == [("pause", at_ns), ("storm", at_ns)]
    made.advance(at_ns + 2 * NS_PER_S - NOTICE_NS)
    assert steering.decided[2:] == [("+1", at_ns + 2 * NS_PER_S)]
    assert not conductor.change_schedule.expects_more
    assert made.events() == []
    assert made.unmade == ()


def test_a_hand_does_not_overtake_what_is_decided() -> None:
    made, _, conductor = loading()
    now_ns = START_NS + NS_PER_S // 2
    assert made.earliest_ns(now_ns) == now_ns + HAND_NOTICE_NS
    conductor.change_schedule.put(DisconnectClients("meters", 1), START_NS + NS_PER_S)
    assert made.earliest_ns(now_ns) == START_NS + NS_PER_S + 1
    assert made.earliest_ns(START_NS + NS_PER_S) == START_NS + NS_PER_S + HAND_NOTICE_NS


def test_a_hand_changes_nothing_before_the_load_begins() -> None:
    """The start is announced ahead, and the load begins at a whole second."""
    made, _, _ = loading()
    assert made.earliest_ns(START_NS - NS_PER_S) == START_NS


def test_what_does_not_fit_is_a_mark_and_a_sentence() -> None:
    made, _, _ = loading(("1s", "-5"), ("1s", "pause"), fitting=("pause",))
    made.advance(START_NS)
    sentence = "−5 clients at 0:01 was not made: meters has 3 clients"
    assert made.unmade == (sentence,)
    assert [event.text for event in made.events()] == [sentence]
    assert made.events() == []


def test_the_end_of_the_load_is_no_change_of_it() -> None:
    made, steering, conductor = loading(("1s", "end"))
    made.advance(START_NS + NS_PER_S)
    assert steering.decided == []
    assert not conductor.change_schedule.expects_more
    conductor.phase, conductor.measure_end_ns = RunPhase.DRAIN, START_NS + NS_PER_S
    made.advance(START_NS + 2 * NS_PER_S)
    made.advance(START_NS + 3 * NS_PER_S)
    assert made.events() == [Event(START_NS + NS_PER_S, EventKind.ACT, "end")]


def test_surges_and_changes_are_decided_in_the_order_of_time() -> None:
    """Both are due to be announced in one look, after the machine stood still."""
    surge = SurgeTimes("meters", 5, NS_PER_S, 2 * NS_PER_S, 3 * NS_PER_S)
    conductor, steering = Conductor(("1",), replace(TIMING, surges=(surge,))), NotedSteering("-1", "-2", "-3")
    stated = [("900ms", "-1"), ("2s", "-2"), ("3s", "-3")]
    planned = [PlannedChange.model_validate({"at": at, "do": do}) for at, do in stated]
    made = FileChanges(planned, conductor, cast(Steering, steering))
    conductor.phase, conductor.measure_start_ns = RunPhase.MEASURE, START_NS
    conductor.change_schedule.begin(START_NS, None)
    orders = made.advance(START_NS + 2 * NS_PER_S)
    changes = [order for order in orders if isinstance(order, TimedChange)]
    assert [(change.at_ns - START_NS) / NS_PER_S for change in changes] == [0.9, 1, 2, 3, 3]
    assert [isinstance(change.change, DisconnectClients) for change in changes] == [True, False, True, False, True]


def test_what_the_load_did_not_reach_is_told_once() -> None:
    made, steering, conductor = loading(("9s", "-5"), ("8s", "pause"))
    made.advance(START_NS)
    conductor.phase = RunPhase.DRAIN
    made.advance(START_NS + NS_PER_S)
    made.advance(START_NS + NS_PER_S)
    assert [event.text for event in made.events()] == ["2 changes of the warhead did not come: the load ended before"]
    assert steering.decided == []
    assert made.unmade == ()
