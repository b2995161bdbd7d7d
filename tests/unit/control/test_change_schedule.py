"""The agenda of an attack: announced ahead, marked in time, observed to the end."""

from __future__ import annotations

from fractions import Fraction

import pytest

from malaria.clock import NS_PER_S
from malaria.control.change_schedule import HAND_NOTICE_NS, NOTICE_NS, ChangeSchedule, check_change
from malaria.control.changes import Act, AddClients, ChangeRate, Disconnect, RemoveClients
from malaria.control.standing import SurgeStanding
from malaria.errors import OperatorError
from malaria.model.warhead import Warhead
from malaria.plan.timetable import SurgeTimes, TimedRateChange
from malaria.records.rows import EventKind
from malaria.records.run_meta import SurgeFacts

S = NS_PER_S
FIRST = SurgeTimes("meters", 500, 10 * S, 12 * S, 20 * S)
SECOND = SurgeTimes("meters", 1, 15 * S, 17 * S, None)


def begun(*visits: SurgeTimes, measure_ns: int = 5 * S, end_ns: int | None = None) -> ChangeSchedule:
    agenda = ChangeSchedule(visits)
    agenda.begin(measure_ns, end_ns)
    return agenda


def test_acts_are_announced_ahead_once_and_in_order() -> None:
    agenda = begun(FIRST, SECOND)
    assert agenda.announce(15 * S - NOTICE_NS - 1) == []
    assert agenda.announce(15 * S - NOTICE_NS) == [Act(15 * S, AddClients(0, 17 * S))]
    assert agenda.announce(15 * S) == []
    assert agenda.announce(30 * S) == [Act(20 * S, AddClients(1, 22 * S)), Act(25 * S, RemoveClients(0))]
    assert not agenda.over


def test_a_mark_stands_where_the_act_took_effect() -> None:
    agenda = begun(FIRST, SECOND)
    agenda.announce(30 * S)
    assert agenda.take_effect(15 * S - 1) == []
    assert [(e.at_ns, e.text) for e in agenda.take_effect(40 * S)] == [
        (15 * S, "+500 clients"),
        (20 * S, "+1 client"),
        (25 * S, "\N{MINUS SIGN}500 clients"),
    ]
    assert agenda.over


def test_what_was_announced_and_did_not_take_effect_did_not_happen() -> None:
    agenda = begun(FIRST)
    agenda.announce(15 * S)
    agenda.end()
    assert agenda.take_effect(99 * S) == []
    assert agenda.over
    assert agenda.surges()[0].add_ns is None


def test_nothing_happens_at_the_end_or_later() -> None:
    agenda = begun(FIRST, SECOND, end_ns=25 * S)
    assert len(agenda.announce(99 * S)) == 2
    agenda.take_effect(99 * S)
    assert agenda.surges()[0] == SurgeFacts(group="meters", clients=500, add_ns=15 * S)


def test_all_of_them_have_come_when_every_worker_says_so() -> None:
    agenda = begun(FIRST)
    agenda.announce(30 * S)
    agenda.take_effect(15 * S)
    agenda.observe([(SurgeStanding(250, 16 * S, 0, 0),), (SurgeStanding(249, 17 * S, 0, 0),)])
    assert agenda.surges()[0].added_ns is None
    agenda.observe([(SurgeStanding(250, 16 * S, 0, 0),), (SurgeStanding(250, 18 * S, 250, 26 * S),)])
    assert agenda.surges()[0].added_ns == 18 * S
    agenda.take_effect(25 * S)
    agenda.observe([(SurgeStanding(250, 16 * S, 250, 27 * S),), (SurgeStanding(250, 18 * S, 250, 26 * S),)])
    assert (agenda.surges()[0].remove_ns, agenda.surges()[0].removed_ns) == (25 * S, 27 * S)


def test_a_worker_that_is_lost_leaves_it_open() -> None:
    agenda = begun(FIRST)
    agenda.announce(30 * S)
    agenda.take_effect(30 * S)
    agenda.observe([(SurgeStanding(250, 16 * S, 250, 27 * S),)])
    passage = agenda.surges()[0]
    assert (passage.added_ns, passage.removed_ns) == (None, None)


FASTER = ChangeRate("meters", Fraction(1, 2))


def test_an_act_by_hand_takes_effect_a_moment_later_among_the_planned_ones() -> None:
    agenda = begun(FIRST)
    agenda.announce(15 * S)
    (act,) = agenda.insert(FASTER, 14 * S)
    assert act == Act(14 * S + HAND_NOTICE_NS, FASTER)
    assert [(e.kind, e.text) for e in agenda.take_effect(15 * S)] == [
        (EventKind.ACT, "meters: 2 msg/s each"),
        (EventKind.SURGE, "+500 clients"),
    ]
    assert agenda.turns == [TimedRateChange(act.at_ns, "meters", Fraction(1, 2))]
    agenda.insert(Disconnect("meters", 1500), 16 * S)
    assert [e.text for e in agenda.take_effect(17 * S)] == ["meters: 1,500 clients disconnected"]


LOAD = Warhead.model_validate(
    {
        "group": [
            {"name": "meters", "clients": 5},
            {"name": "flat", "clients": 1, "interval": 0},
            {"name": "counted", "clients": 1, "messages": 5},
            {"name": "growing", "clients": 1, "rate_ramp": "5s"},
            {"name": "backend", "clients": 1, "role": "subscribe"},
        ],
        "attack": {"duration": "30s"},
    }
)


@pytest.mark.parametrize("change", [FASTER, Disconnect("meters", 1), Disconnect("backend", 7)])
def test_changes_that_can_be_made(change: ChangeRate | Disconnect) -> None:
    check_change(change, LOAD)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (ChangeRate("other", Fraction(1)), "there is no group 'other'"),
        (ChangeRate("meters", Fraction(0)), "cannot have that interval"),
        (ChangeRate("meters", Fraction(10**9)), "cannot have that interval"),
        (ChangeRate("flat", Fraction(1)), "is a closed loop"),
        (ChangeRate("counted", Fraction(1)), "sends a stated number of messages"),
        (ChangeRate("growing", Fraction(1)), "grows by itself"),
        (ChangeRate("backend", Fraction(1)), "publishes nothing"),
        (Disconnect("meters", 0), "0 clients cannot be disconnected"),
    ],
)
def test_changes_that_cannot_be_made(change: ChangeRate | Disconnect, message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        check_change(change, LOAD)
