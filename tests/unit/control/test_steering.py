"""Wishes for one attack: what fits, in words, and what does not, with the reason and a remedy."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.control.changes import AddClients, ChangeRate, DisconnectClients, PauseGroup, RemoveClients, Wave
from malaria.control.conductor import AttackTiming, Conductor
from malaria.control.crowd import GroupSize
from malaria.control.messages import EndPublishing, Finish, Order
from malaria.control.standing import Standing
from malaria.control.steering import FROM_FILE, Steering
from malaria.model.wanted_change import STAY_AWAY, Verb, parse_change
from malaria.model.warhead import Warhead
from malaria.records.rows import RunPhase

S = NS_PER_S
START_NS = 10 * S
METERS = {"name": "meters", "clients": 100, "interval": "10s", "topic": "t/{index}", "reserve": 500}
BACKEND = {"name": "backend", "role": "subscribe", "clients": 2, "topic": "t/#", "reserve": 3}
LOOP = {"name": "loop", "clients": 5, "interval": 0, "topic": "u", "reserve": 3}


class Desk:
    """A conductor whose load runs, and the steering of it."""

    def __init__(self, *groups: dict[str, Any], duration: str | None = "2m", **attack: Any) -> None:
        self.warhead = Warhead.model_validate(
            {"group": groups or (METERS, BACKEND), "attack": {"duration": duration} | attack}
        )
        sizes = tuple(GroupSize(group.name, group.clients, group.reserve or 0) for group in self.warhead.groups)
        timing = AttackTiming(
            0, self.warhead.attack.duration_ns, 10 * S, 10 * S, counted=False, groups=sizes, connect_rate=Fraction(100)
        )
        self.conductor = Conductor(("1",), timing)
        self.conductor.phase, self.conductor.measure_start_ns = RunPhase.MEASURE, START_NS
        self.conductor.measure_end_ns = START_NS + 120 * S
        self.steering = Steering(self.warhead, self.conductor)

    def ask(self, text: str, at_s: float = 45, by: str = "browser") -> tuple[ChangeAnswer, list[Order]]:
        return self.steering.decide(parse_change(text), START_NS + round(at_s * S), only_look=False, by=by)

    def says(self, text: str, at_s: float = 45) -> str:
        """What is answered, to a look ahead too."""
        wanted, effect_ns = parse_change(text), START_NS + round(at_s * S)
        looked, nothing = self.steering.decide(wanted, effect_ns, only_look=True)
        assert nothing == []
        answer, orders = self.steering.decide(wanted, effect_ns, only_look=False)
        assert (looked, bool(orders)) == (answer, answer.kind is AnswerKind.TAKEN)
        return f"{answer.kind}: {answer.text}" + (f"; {answer.remedy}" if answer.remedy else "")

    def marks(self) -> list[str]:
        return [event.text for event in self.conductor.change_schedule.take_effect(1 << 60)]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("+500", "taken: 500 more clients of meters connect over 5 s from 0:45; 50 msg/s more are due from 0:51"),
        ("-30", "taken: 30 clients of meters leave from 0:45, the latest first; 3 msg/s less are due"),
        ("-1", "taken: 1 client of meters leaves from 0:45, the latest first; 0.1 msg/s less are due"),
        ("backend: +1", "taken: 1 more client of backend connects over 10 ms from 0:45; "
         "what arrives at them counts as arrived alone"),
        ("backend: -1", "taken: 1 client of backend leaves from 0:45, the latest first; "
         "the account does without deliveries to them"),
        ("rate=2/s", "taken: each client of meters sends 2 msg/s from 0:45, 200 msg/s in all"),
        ("pause", "taken: nothing of meters is due from 0:45 on, until it resumes"),
        ("cut 20%", "taken: 20 of 100 connections of meters break from 0:45; their clients connect again"),
        ("cut 1", "taken: 1 of 100 connections of meters breaks from 0:45; their clients connect again"),
        ("storm", "taken: all 100 connections of meters break at once at 0:45; their clients connect again"),
        ("backend: storm", "taken: all 2 connections of backend break at once at 0:45; their clients connect again, "
         "and the account does without deliveries to them"),
        ("end", "taken: the load ends at 0:45, and what is under way is waited for"),
        ("+501", "conflict: 500 more clients can be added to meters, not 501; start the attack with --reserve 501"),
        ("+1000000", "conflict: 500 more clients can be added to meters, not 1,000,000; "
         "start the attack with --reserve 1000000"),
        ("-100", "conflict: no client would be left that makes the load; write end"),
        ("-101", "conflict: meters has 100 clients; write -100 at most"),
        ("resume", "conflict: nothing is paused; pause the load first"),
        ("other: +1", "refused: there is no group 'other'; the load has meters, backend"),
        ("backend: rate=2/s", "refused: the rate of group backend cannot be changed: it publishes nothing; "
         "choose another group"),
        ("backend: pause", "refused: group backend cannot pause: it publishes nothing; choose another group"),
        ("rate=1/1000000000", "refused: that is less than one message in 366 d; write a higher rate, or pause"),
    ],
)  # fmt: skip
def test_an_answer_says_what_will_happen_or_why_not(text: str, answer: str) -> None:
    assert Desk().says(text) == answer


def test_several_groups_that_publish_must_be_told_apart_where_clients_are_counted() -> None:
    desk = Desk(METERS, LOOP, BACKEND)
    assert desk.says("+5").startswith(
        "refused: +5 clients: of which group?; write GROUP: before the change; the load has meters"
    )
    assert desk.says("rate=1/s") == "taken: each client of meters sends 1 msg/s from 0:45, 100 msg/s in all"
    assert desk.says("pause") == "taken: nothing of meters and loop is due from 0:45 on, until it resumes"
    assert desk.says("loop: +3").endswith("they publish when the group resumes")
    assert desk.says("meters: resume") == "taken: meters goes on at 0:45 where the schedule stood"
    assert desk.says("loop: rate=1/s").startswith(
        "refused: the rate of group loop cannot be changed: it is a closed loop"
    )


def test_clients_without_a_line_in_the_files_of_keys_and_users_are_a_conflict() -> None:
    desk = Desk(METERS | {"reserve": 2, "target": {"psk_file": "keys.psk"}})
    assert desk.says("+3") == (
        "conflict: 2 more clients can be added to meters, not 3; "
        "let keys.psk have a line for each, and start the attack with --reserve 3"
    )


def test_clients_that_would_stay_away_are_not_cut_off() -> None:
    desk = Desk(reconnect="never")
    for text in ("cut 20%", "storm"):
        assert desk.says(text) == f"refused: {STAY_AWAY[0]}; {STAY_AWAY[1]}"


def test_several_groups_go_on() -> None:
    desk = Desk(METERS, LOOP)
    assert desk.says("pause").startswith("taken: ")
    assert desk.says("resume") == "taken: meters and loop go on at 0:45 where the schedule stood"


def test_more_than_the_workers_can_ever_send_is_a_conflict() -> None:
    desk = Desk(METERS, BACKEND, connect_rate=100)
    most = "1 worker can be asked for at most 1,000,000 msg/s; write a lower rate, or fewer clients"
    assert desk.says("rate=10001") == f"conflict: that is 1,000,100 msg/s in all; {most}"
    assert desk.says("rate=10000").startswith("taken: ")
    assert desk.says("+1") == f"conflict: that is 1,010,000 msg/s in all; {most}"
    assert desk.says("rate=1/6").startswith("taken: ")
    assert desk.says("+1").startswith("taken: ")


def test_what_does_not_fit_the_time_is_a_conflict() -> None:
    desk = Desk()
    assert desk.says("+500", 118) == (
        "conflict: 500 clients need 5 s to come in, and the load ends in 2 s; "
        "add fewer, or set a larger connect rate (-R) next time"
    )
    assert desk.says("+1", 119.995).startswith("conflict: 1 client needs 10 ms to come in, and the load ends in 5 ms;")
    assert desk.says("+5", 119).endswith("; the load ends before they publish")
    assert desk.says("pause", 121) == "conflict: the load ends at 2:00, before that"
    assert desk.says("end", 121) == "conflict: the load ends at 2:00 anyway"


@pytest.mark.parametrize(
    ("phase", "text"),
    [
        (RunPhase.PREPARE, "the load has not begun: the workers get ready"),
        (RunPhase.CONNECT, "the load has not begun: the clients connect"),
        (RunPhase.DRAIN, "the load has ended: messages under way are waited for"),
        (RunPhase.FINISH, "the load has ended"),
    ],
)
def test_without_a_load_the_phase_is_named(phase: RunPhase, text: str) -> None:
    desk = Desk()
    desk.conductor.phase = phase
    assert desk.says("+5") == f"conflict: {text}"
    assert desk.says("other: +5").startswith("refused")


def test_waves_are_dealt_one_after_the_other() -> None:
    desk = Desk()
    (first,), (second,) = desk.ask("+200", 45)[1], desk.ask("+300", 46)[1]
    assert first.change == AddClients(0, START_NS + 48 * S, Wave("meters", 100, 200))
    assert second.change == AddClients(1, START_NS + 51 * S, Wave("meters", 300, 300))  # 1 s to wait, 3 s of its own
    assert desk.says("+1", 60).startswith("conflict: no more clients can be added to meters, not 1")
    (third, fourth) = desk.ask("-450", 60)[1]
    assert third.change == RemoveClients(1, 300, "meters")
    assert fourth.change == RemoveClients(0, 150, "meters")
    assert desk.marks() == [
        "meters: +200 clients (by hand, browser)", "meters: +300 clients (by hand, browser)",
        "meters: \N{MINUS SIGN}450 clients (by hand, browser)",
    ]  # fmt: skip
    gone = desk.conductor.change_schedule.surge_facts()
    assert [(surge.clients, surge.remove_ns) for surge in gone] == [(200, None), (300, START_NS + 60 * S)]


def test_what_was_taken_is_kept_with_its_group() -> None:
    desk = Desk()
    desk.ask("cut 20%", 1)
    desk.ask("nothing: +1", 2)
    desk.ask("storm", 3, by=FROM_FILE)
    desk.ask("end", 4, by="")
    taken = [(one.effect_ns - START_NS, str(one.wanted), one.by) for one in desk.steering.taken]
    assert taken == [(S, "meters: cut 20%", "browser"), (3 * S, "meters: storm", FROM_FILE), (4 * S, "end", "")]
    assert desk.marks() == ["meters: disconnect 20 % (by hand, browser)", "meters: reconnect storm"]


def test_orders_of_the_other_changes() -> None:
    desk = Desk(METERS)
    effect_ns = START_NS + 45 * S
    orders = [order for text in ("rate=2/s", "cut 5", "storm", "pause", "end") for order in desk.ask(text)[1]]
    assert [order.change for order in orders[:4]] == [
        ChangeRate("meters", Fraction(1, 2)), DisconnectClients("meters", 5),
        DisconnectClients("meters", 100, at_once=True), PauseGroup("meters"),
    ]  # fmt: skip
    assert orders[4] == EndPublishing(effect_ns)
    assert desk.conductor.measure_end_ns == effect_ns
    assert desk.marks()[0] == "2 msg/s each (by hand, browser)"


def test_the_wait_for_clients_can_be_ended() -> None:
    desk = Desk()
    desk.conductor.phase = RunPhase.CONNECT
    assert desk.says("end") == "conflict: no client has connected, so there is nothing to go on with; write stop"
    desk.conductor.workers["1"].standing = Standing(0, 7, 102, 0, 0, 0, 0, publishing=False)
    answer, orders = desk.ask("end")
    assert (answer.text, orders) == ("the attack goes on with 7 of 102 clients", [])
    desk.conductor.advance(S)
    assert "going on with 7 of 102 clients" in [event.text for event in desk.conductor.events()]


def test_the_wait_for_messages_can_be_ended() -> None:
    desk = Desk()
    desk.conductor.phase = RunPhase.DRAIN
    answer, orders = desk.ask("end")
    assert (answer.text, orders) == ("messages under way are not waited for any more", [Finish()])


def test_a_warm_up_cannot_be_ended() -> None:
    desk = Desk()
    desk.conductor.phase = RunPhase.WARMUP
    assert desk.says("end", -3) == "conflict: the warm-up ends by itself in 3 s; write end then, or stop now"


def test_an_attack_that_nobody_may_change_says_why() -> None:
    desk = Desk()
    steering = Steering(desk.warhead, desk.conductor, refusal="a search sets its loads itself")
    answer, orders = steering.decide(parse_change("+1"), START_NS, only_look=False)
    assert (answer.kind, answer.text, orders) == (AnswerKind.REFUSED, "a search sets its loads itself", [])


def test_every_verb_has_an_answer() -> None:
    texts = {"add": "+1", "remove": "-1", "rate": "rate=1/s", "cut": "cut 1"}
    for verb in set(Verb) - {Verb.STOP}:  # which the runner takes itself
        assert Desk().ask(texts.get(verb.value, verb.value))[0].text
