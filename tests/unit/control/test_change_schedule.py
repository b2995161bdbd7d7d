"""Changes of an attack are announced ahead, marked in time, and followed to the end."""

from __future__ import annotations

from fractions import Fraction

from malaria.clock import NS_PER_S
from malaria.control.change_schedule import HAND_NOTICE_NS, NOTICE_NS, ChangeSchedule
from malaria.control.changes import AddClients, ChangeRate, DisconnectClients, RemoveClients, TimedChange
from malaria.control.crowd import Crowd, GroupSize
from malaria.control.standing import SurgeStanding
from malaria.plan.surge_schedule import SurgeTimes, TimedRateChange
from malaria.records.rows import EventKind
from malaria.records.run_meta import SurgeFacts

S = NS_PER_S
FIRST = SurgeTimes("meters", 500, 10 * S, 12 * S, 20 * S)
SECOND = SurgeTimes("meters", 1, 15 * S, 17 * S, None)


def begun(*surges: SurgeTimes, measure_ns: int = 5 * S, end_ns: int | None = None) -> ChangeSchedule:
    schedule = ChangeSchedule(surges)
    schedule.begin(measure_ns, end_ns)
    return schedule


def test_changes_are_announced_ahead_once_and_in_order() -> None:
    schedule = begun(FIRST, SECOND)
    assert schedule.announce(15 * S - NOTICE_NS - 1) == []
    assert schedule.announce(15 * S - NOTICE_NS) == [TimedChange(15 * S, AddClients(0, 17 * S))]
    assert schedule.announce(15 * S) == []
    assert schedule.announce(30 * S) == [
        TimedChange(20 * S, AddClients(1, 22 * S)),
        TimedChange(25 * S, RemoveClients(0)),
    ]
    assert not schedule.over


def test_a_mark_stands_where_the_change_took_effect() -> None:
    schedule = begun(FIRST, SECOND)
    schedule.announce(30 * S)
    assert schedule.take_effect(15 * S - 1) == []
    assert [(e.at_ns, e.text) for e in schedule.take_effect(40 * S)] == [
        (15 * S, "+500 clients"),
        (20 * S, "+1 client"),
        (25 * S, "\N{MINUS SIGN}500 clients"),
    ]
    assert schedule.over


def test_what_was_announced_and_did_not_take_effect_did_not_happen() -> None:
    schedule = begun(FIRST)
    schedule.announce(15 * S)
    schedule.end()
    assert schedule.take_effect(99 * S) == []
    assert schedule.over
    assert schedule.surge_facts()[0].add_ns is None


def test_nothing_happens_at_the_end_or_later() -> None:
    schedule = begun(FIRST, SECOND, end_ns=25 * S)
    assert len(schedule.announce(99 * S)) == 2
    schedule.take_effect(99 * S)
    assert schedule.surge_facts()[0] == SurgeFacts(group="meters", clients=500, add_ns=15 * S)


def test_all_of_them_have_come_when_every_worker_says_so() -> None:
    schedule = begun(FIRST)
    schedule.announce(30 * S)
    schedule.take_effect(15 * S)
    schedule.update_surges([(SurgeStanding(250, 16 * S, 0, 0),), (SurgeStanding(249, 17 * S, 0, 0),)])
    assert schedule.surge_facts()[0].added_ns is None
    schedule.update_surges([(SurgeStanding(250, 16 * S, 0, 0),), (SurgeStanding(250, 18 * S, 250, 26 * S),)])
    assert schedule.surge_facts()[0].added_ns == 18 * S
    schedule.take_effect(25 * S)
    schedule.update_surges([(SurgeStanding(250, 16 * S, 250, 27 * S),), (SurgeStanding(250, 18 * S, 250, 26 * S),)])
    assert (schedule.surge_facts()[0].remove_ns, schedule.surge_facts()[0].removed_ns) == (25 * S, 27 * S)


def test_a_client_that_left_while_it_connected_is_not_missed() -> None:
    schedule = ChangeSchedule([], crowd=Crowd([GroupSize("meters", 10, 5)], [], Fraction(0), 1))
    schedule.add("meters", 1, 15 * S, "")
    schedule.remove("meters", 1, 15 * S + 2, "")
    schedule.take_effect(16 * S)
    schedule.update_surges([(SurgeStanding(1, 15 * S + 9, 1, 15 * S + 10),)])
    (wave,) = schedule.surge_facts()
    assert (wave.added_ns, wave.remove_ns, wave.removed_ns) == (15 * S + 2, 15 * S + 2, 15 * S + 10)


def test_a_worker_that_is_lost_leaves_it_open() -> None:
    schedule = begun(FIRST)
    schedule.announce(30 * S)
    schedule.take_effect(30 * S)
    schedule.update_surges([(SurgeStanding(250, 16 * S, 250, 27 * S),)])
    surge = schedule.surge_facts()[0]
    assert (surge.added_ns, surge.removed_ns) == (None, None)


FASTER = ChangeRate("meters", Fraction(1, 2))


def test_a_change_by_hand_takes_effect_a_moment_later_among_the_planned_ones() -> None:
    schedule = begun(FIRST)
    schedule.announce(15 * S)
    (change,) = schedule.put(FASTER, 14 * S + HAND_NOTICE_NS)
    assert change == TimedChange(14 * S + HAND_NOTICE_NS, FASTER)
    assert [(e.kind, e.text) for e in schedule.take_effect(15 * S)] == [
        (EventKind.ACT, "meters: 2 msg/s each"),
        (EventKind.SURGE, "+500 clients"),
    ]
    assert schedule.load_changes == [TimedRateChange(change.at_ns, "meters", Fraction(1, 2))]
    schedule.put(DisconnectClients("meters", 1500), 16 * S + HAND_NOTICE_NS)
    assert [e.text for e in schedule.take_effect(17 * S)] == ["meters: 1,500 clients disconnected"]
