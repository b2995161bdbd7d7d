"""Changes of a running load in virtual time: every message due when it should be, and none lost to the account."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exactly import MS, S, dues_by_client, total
from malaria.attacks.runner import AttackOutcome
from malaria.records.rows import Counter, EventKind, Gauge, Progress
from simulation import Machine, Simulation
from steered_load import ModelLoad
from stub_broker import Behaviour

type Changes = list[tuple[str, str]]


def attack(
    tmp_path: Path, changes: Changes, machines: int = 1, subscribers: int = 1, behaviour: Behaviour | None = None,
    **options: Any,
) -> tuple[AttackOutcome, Simulation]:  # fmt: skip
    """20 clients at 10 messages a second for 8 s; without a connect rate a wave publishes a second after it came."""
    simulation = Simulation(behaviour or Behaviour(), machines=[Machine()] * machines)
    pace = {} if "interval" in options else {"rate": "10"}
    brief = {"clients": 20, "duration": "8s", "connect_rate": 0, "changes": changes} | pace
    return simulation.run(tmp_path, subscribers, **(brief | options)), simulation


def dues(outcome: AttackOutcome, simulation: Simulation) -> list[list[int]]:
    begin_ns = outcome.run.meta.measure_start_ns
    return sorted([due - begin_ns for due in each] for each in dues_by_client(simulation.broker).values())


def assert_exact(outcome: AttackOutcome, simulation: Simulation) -> None:
    messages = outcome.summary["messages"]
    seen = len(simulation.broker.seen)
    assert messages["due"] == messages["sent"] == messages["expected"] == messages["delivered"] == seen
    assert messages["acked"] in (seen, None)
    assert (messages["lost"], messages["unresolved"], messages["duplicated"]) == (0, 0, 0)
    assert simulation.broker.faults == []


def steps(outcome: AttackOutcome) -> list[tuple[float, float]]:
    begin_ns = outcome.run.meta.measure_start_ns
    return [((at_ns - begin_ns) / S, per_s) for at_ns, per_s in outcome.run.meta.rate_steps]


EVERYTHING: Changes = [
    ("1s", "+50"), ("2500ms", "-30"), ("3s", "pause"), ("3250ms", "+7"), ("5s", "resume"), ("5500ms", "rate=20/s"),
    ("6s", "-44"),
]  # fmt: skip


def everything() -> ModelLoad:
    model = ModelLoad(20, 10)
    model.add(S, 50)
    model.remove(2500 * MS, 30)
    model.pause(3 * S)
    model.add(3250 * MS, 7)
    model.resume(5 * S)
    model.rate(5500 * MS, 20)
    model.remove(6 * S, 44)
    return model


@pytest.mark.parametrize("machines", [1, 2, 3])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_every_message_is_due_when_the_changes_say_so(tmp_path: Path, qos: int, machines: int) -> None:
    outcome, simulation = attack(tmp_path, EVERYTHING, machines, qos=qos)
    assert_exact(outcome, simulation)
    assert dues(outcome, simulation) == everything().dues(8 * S)
    assert steps(outcome) == [
        (0, 200), (2, 700), (2.5, 400), (3, 0), (4.25, 0), (5, 470), (5.5, 940), (6, 60),
    ]  # fmt: skip
    assert outcome.run.meta.unmade_changes == ()
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert simulation.broker.counts.accepted == simulation.broker.counts.disconnects == 78
    clients = outcome.summary["clients"]
    assert (clients["planned"], clients["connected_peak"], clients["connected"]) == (71, 71, 4)
    assert (clients["dropped"], clients["refused"], clients["reconnects"]) == (0, 0, 0)


def test_waves_are_told_as_surges(tmp_path: Path) -> None:
    outcome, _ = attack(tmp_path, EVERYTHING, 2)
    begin_ns = outcome.run.meta.measure_start_ns
    marks = [e for e in outcome.run.events if e.kind in (EventKind.SURGE, EventKind.ACT)]
    assert [(e.at_ns - begin_ns, e.text.removeprefix("publishers: ")) for e in marks] == [
        (S, "+50 clients"), (2500 * MS, "\N{MINUS SIGN}30 clients"), (3 * S, "pause"), (3250 * MS, "+7 clients"),
        (5 * S, "resume"), (5500 * MS, "20 msg/s each"), (6 * S, "\N{MINUS SIGN}44 clients"),
    ]  # fmt: skip
    first, second = outcome.run.meta.surges
    assert (first.clients, first.add_ns, first.added_ns) == (50, begin_ns + S, begin_ns + S)
    assert (second.clients, second.remove_ns) == (7, begin_ns + 6 * S)
    assert first.remove_ns == begin_ns + 6 * S
    assert [(change.verb, change.by) for change in outcome.run.meta.changes][:2] == [
        ("add", "file"),
        ("remove", "file"),
    ]


@pytest.mark.parametrize("machines", [1, 3])
def test_who_leaves_was_spread_over_the_group(tmp_path: Path, machines: int) -> None:
    """So that the sum of the others stays steady: 15 of 20 clients, and three of four messages in every tenth."""
    outcome, simulation = attack(tmp_path, [("1s", "-5")], machines, duration="3s")
    assert_exact(outcome, simulation)
    later = sorted(due for each in dues(outcome, simulation) for due in each if due >= S)
    assert [sum(S + tenth * 100 * MS <= due < S + (tenth + 1) * 100 * MS for due in later) for tenth in range(20)] == [
        15
    ] * 20
    leaving = [len(each) for each in dues(outcome, simulation)]
    assert sorted(leaving) == [10] * 5 + [30] * 15


@pytest.mark.parametrize("qos", [0, 1])
def test_a_load_of_a_number_of_messages_keeps_it_over_a_pause(tmp_path: Path, qos: int) -> None:
    changes = [("500ms", "pause"), ("3s", "resume"), ("3500ms", "+3")]
    outcome, simulation = attack(tmp_path, changes, 2, messages=15, duration=None, qos=qos)
    assert_exact(outcome, simulation)
    model = ModelLoad(20, 10, messages=15)
    model.pause(500 * MS)
    model.resume(3 * S)
    model.add(3500 * MS, 3)
    assert dues(outcome, simulation) == model.dues(60 * S)
    assert outcome.summary["messages"]["due"] == 23 * 15
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert outcome.run.meta.stalled is None


def test_a_load_ends_when_all_that_stay_have_sent_their_messages(tmp_path: Path) -> None:
    outcome, simulation = attack(tmp_path, [("500ms", "-15")], 3, messages=10, duration=None, interval="1s")
    assert_exact(outcome, simulation)
    sent = sorted(len(each) for each in dues(outcome, simulation))
    assert sent[-5:] == [10] * 5
    assert max(sent[:-5]) == 1


@pytest.mark.parametrize(("inflight", "ack_ms"), [(1, 10), (5, 10), (100, 50)])
def test_a_closed_loop_pauses_grows_and_shrinks(tmp_path: Path, inflight: int, ack_ms: int) -> None:
    behaviour = Behaviour(ack_delay_ns=ack_ms * MS)
    changes = [("1s", "pause"), ("1500ms", "+6"), ("3s", "resume"), ("4s", "-8"), ("5s", "end")]
    outcome, simulation = attack(tmp_path, changes, 2, behaviour=behaviour, clients=4, interval="0", inflight=inflight)
    assert_exact(outcome, simulation)
    begin_ns = outcome.run.meta.measure_start_ns
    sent = [(one.at_ns - simulation.epoch_ns - begin_ns) // (500 * MS) for one in simulation.broker.seen]
    halves = [sent.count(half) for half in range(10)]
    assert halves[2:6] == [0, 0, 0, 0]
    assert halves[6] == pytest.approx(10 / 4 * halves[0], rel=0.1)
    assert halves[8] == pytest.approx(2 / 4 * halves[0], rel=0.1)
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert outcome.summary["messages"]["unacked"] == 0


@pytest.mark.parametrize("machines", [1, 3])
def test_connections_that_a_change_breaks_are_no_fault_of_the_broker(tmp_path: Path, machines: int) -> None:
    """What is under way then is neither lost nor unanswered, and nothing stands still."""
    behaviour = Behaviour(ack_delay_ns=30 * MS)
    outcome, simulation = attack(tmp_path, [("2s", "cut 20%"), ("4s", "storm")], machines, behaviour=behaviour)
    messages = outcome.summary["messages"]
    assert messages["due"] == messages["sent"] == 1600
    assert messages["expected"] == messages["delivered"]
    assert (messages["lost"], messages["unresolved"], messages["unacked"]) == (0, 0, 0)
    assert 0 < messages["sent"] - messages["acked"] <= 24
    assert simulation.broker.counts.accepted == 21 + 4 + 20
    assert total(outcome, Counter.CUT) == 24
    assert outcome.summary["clients"]["dropped"] == 0
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert outcome.summary["verdict"]["reasons"] == []


def test_a_cut_is_spread_over_all_that_are_there(tmp_path: Path) -> None:
    outcome, simulation = attack(tmp_path, [("1s", "+20"), ("2500ms", "-10"), ("4s", "cut 10")], 2, subscribers=0)
    again = sorted(int(client.rpartition("-")[2]) for client, times in simulation.broker.connects.items() if times > 1)
    assert [number for number in again if number < 20] == [*range(0, 20, 3)]  # every third of those from the start
    assert len(again) == 10
    assert total(outcome, Counter.CUT) == 10
    assert outcome.summary["clients"]["reconnects"] == 10


@pytest.mark.parametrize("machines", [1, 2])
def test_subscribers_that_come_and_go_leave_the_others_exact(tmp_path: Path, machines: int) -> None:
    outcome, simulation = attack(
        tmp_path, [("1s", "subscribers: +2"), ("3s", "subscribers: -3")], machines, subscribers=4, qos=1
    )
    messages = outcome.summary["messages"]
    assert messages["due"] == messages["sent"] == 1600
    # two waves, and one of the four from the start: the account has three
    assert messages["expected"] == messages["delivered"] == 3 * 1600
    assert total(outcome, Counter.ARRIVED) > 3 * 1600
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert outcome.run.ledger.notes == (
        "Nothing is expected of clients of subscribers that were added, removed or cut off while the load ran.",
    )
    assert simulation.broker.faults == []


def test_subscribers_without_a_session_are_left_out_once_they_are_cut_off(tmp_path: Path) -> None:
    outcome, _ = attack(tmp_path, [("2s", "subscribers: cut 1")], subscribers=3)
    messages = outcome.summary["messages"]
    assert messages["expected"] == messages["delivered"] == 2 * 1600
    assert outcome.summary["verdict"]["outcome"] == "PASS"


def test_an_end_by_a_change_is_exact_on_all_workers(tmp_path: Path) -> None:
    """That of a file is the length of the load; see `test_steered` for one by hand."""
    outcome, simulation = attack(tmp_path, [("1s", "+10"), ("3250ms", "end")], 3)
    model = ModelLoad(20, 10)
    model.add(S, 10)
    assert dues(outcome, simulation) == model.dues(3250 * MS)
    assert_exact(outcome, simulation)


def test_a_pause_is_no_stall_without_acknowledgements(tmp_path: Path) -> None:
    outcome, _ = attack(tmp_path, [("2s", "pause"), ("6s", "resume")], 3, qos=0)
    assert outcome.summary["episodes"] == []
    assert outcome.summary["verdict"]["outcome"] == "PASS"


def test_a_stall_beside_a_pause_is_one(tmp_path: Path) -> None:
    behaviour = Behaviour(freezes=((4.0, 2.0),))
    outcome, _ = attack(tmp_path, [("1s", "pause"), ("2s", "resume")], 2, behaviour=behaviour)
    (episode,) = outcome.summary["episodes"]
    assert episode["length_s"] == pytest.approx(2, abs=0.15)


def test_a_reserve_that_nobody_uses_changes_nothing(tmp_path: Path) -> None:
    with_one, first = attack(tmp_path / "a", [], 2, arrival="poisson", seed=7)
    without, second = attack(tmp_path / "b", [], 2, arrival="poisson", seed=7, reserve=0)
    assert dues_by_client(first.broker) == dues_by_client(second.broker)
    assert with_one.summary["messages"] == without.summary["messages"]


def test_waves_wait_for_each_other_at_the_connect_rate(tmp_path: Path) -> None:
    """20 connects a second: the first wave needs 1 s, and the second one waits for half a second of it."""
    outcome, simulation = attack(tmp_path, [("1s", "+20"), ("1500ms", "+20")], connect_rate=20)
    model = ModelLoad(20, 10)
    model.add(1 * S + S, 20)  # 1 s for the connects, a second more
    model.add(1500 * MS + 2 * S, 20)  # half a second to wait and 1 s for its own, in whole seconds
    assert dues(outcome, simulation) == model.dues(8 * S)
    assert_exact(outcome, simulation)
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert total(outcome, Counter.HELD_OFFLINE) == 0


def test_a_storm_of_all_who_listen_leaves_no_account_of_deliveries(tmp_path: Path) -> None:
    outcome, _ = attack(tmp_path, [("2s", "subscribers: storm")], subscribers=2)
    messages = outcome.summary["messages"]
    assert (messages["expected"], messages["delivered"], messages["lost"]) == (None, None, None)
    assert messages["due"] == messages["acked"] == 1600
    assert outcome.run.ledger.notes == (
        "Nothing is expected of clients of subscribers that were removed or cut off while the load ran.",
    )


def test_changes_in_the_warm_up(tmp_path: Path) -> None:
    changes = [("-1s", "+5"), ("-500ms", "pause"), ("500ms", "resume"), ("1s", "-2")]
    outcome, simulation = attack(tmp_path, changes, 2, warmup="2s")
    assert_exact(outcome, simulation)
    assert steps(outcome) == [(-2, 200), (-0.5, 0), (0, 0), (0.5, 250), (1, 230)]
    assert outcome.summary["verdict"]["outcome"] == "PASS"


def test_a_wave_that_is_taken_back_at_once_says_nothing_about_the_broker(tmp_path: Path) -> None:
    outcome, simulation = attack(tmp_path, [("1s", "+50"), ("1001ms", "-50")], 2, connect_rate=100)
    assert_exact(outcome, simulation)
    assert outcome.summary["messages"]["due"] == 1600
    assert outcome.summary["verdict"]["outcome"] == "PASS"


def test_a_surge_of_the_file_leaves_with_those_that_are_left_of_it(tmp_path: Path) -> None:
    surges = [{"clients": 10, "at": "1s", "hold": "4s"}]
    outcome, simulation = attack(tmp_path, [("2s", "+4"), ("3s", "-7"), ("6s", "-5")], 3, surges=surges)
    assert_exact(outcome, simulation)
    assert steps(outcome) == [(0, 200), (2, 300), (3, 270), (5, 200), (6, 150)]
    surge, wave = outcome.run.meta.surges
    begin_ns = outcome.run.meta.measure_start_ns
    assert (surge.remove_ns, wave.remove_ns) == (begin_ns + 5 * S, begin_ns + 3 * S)
    marks = [event.text for event in outcome.run.events if event.kind is EventKind.SURGE]
    assert marks == [
        "+10 clients", "publishers: +4 clients", "publishers: \N{MINUS SIGN}7 clients", "\N{MINUS SIGN}7 clients",
        "publishers: \N{MINUS SIGN}5 clients",
    ]  # fmt: skip


def test_the_number_planned_falls_when_the_clients_have_left(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def show(progress: Progress) -> None:
        seen.append((progress.gauges.get(Gauge.CLIENTS_READY, 0), progress.clients_planned))

    Simulation().run(
        tmp_path, 1, show, clients=20, rate="10", duration="8s", connect_rate=0,
        changes=[("1s", "+30"), ("4s", "-35"), ("6s", "+5")],
    )  # fmt: skip
    assert all(ready <= planned for ready, planned in seen)
    planned = [planned for _, planned in seen]
    assert [number for place, number in enumerate(planned) if planned[place - 1 : place] != [number]] == [
        21,
        51,
        16,
        21,
    ]


def test_clients_of_a_surge_are_planned_while_it_is_there(tmp_path: Path) -> None:
    """Or clients would seem to be missing before it comes and after it has left."""
    seen: list[tuple[int, int]] = []
    outcome = Simulation().run(
        tmp_path, 1, lambda one: seen.append((one.at_ns, one.clients_planned)), clients=20, rate="10", duration="8s",
        connect_rate=0, surges=[{"clients": 30, "at": "2s", "hold": "3s"}],
    )  # fmt: skip
    begin_ns = outcome.run.meta.measure_start_ns
    for at_ns, planned in seen:
        if not 5 * S <= at_ns - begin_ns < 6 * S + S // 2:  # those that have just left may still be reported as ready
            assert planned == (51 if 2 * S <= at_ns - begin_ns < 5 * S else 21), at_ns - begin_ns


def test_the_rates_that_were_set_are_told(tmp_path: Path) -> None:
    seen: list[object] = []
    Simulation().run(
        tmp_path, 1, lambda progress: seen.append(progress.intervals.get("publishers")), clients=20, rate="10",
        duration="4s", connect_rate=0, changes=[("1s", "rate=1/6"), ("2s", "+5"), ("3s", "rate=5")],
    )  # fmt: skip
    assert [one for place, one in enumerate(seen) if seen[place - 1 : place] != [one]] == [None, 6, Fraction(1, 5)]


def test_the_groups_that_pause_are_told(tmp_path: Path) -> None:
    seen: list[tuple[str, ...]] = []
    Simulation().run(
        tmp_path, 1, lambda progress: seen.append(progress.paused), clients=20, rate="10", duration="4s",
        connect_rate=0, changes=[("1s", "pause"), ("3s", "resume")],
    )  # fmt: skip
    assert [each for place, each in enumerate(seen) if seen[place - 1 : place] != [each]] == [(), ("publishers",), ()]
