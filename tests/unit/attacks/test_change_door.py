"""The door for changes: asked on any thread, answered on one."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from malaria.attacks import change_door
from malaria.attacks.change_door import ChangeDoor
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.model.wanted_change import Verb, WantedChange

TAKEN = ChangeAnswer(AnswerKind.TAKEN, "+500 clients", at_ns=7)


def test_a_change_is_answered_by_the_attack() -> None:
    door, asked = ChangeDoor(), []

    def decide(wanted: WantedChange, by: str, only_look: bool) -> ChangeAnswer:
        asked.append((wanted, by, only_look))
        return TAKEN

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(door.ask, "+500", "browser"), pool.submit(door.look_ahead, "+500")]
        while not all(answer.done() for answer in answers):
            door.serve(decide)
            time.sleep(0.001)
    assert [answer.result() for answer in answers] == [TAKEN, TAKEN]
    wanted = WantedChange(Verb.ADD, clients=500)
    assert sorted(asked, key=lambda one: one[2]) == [(wanted, "browser", False), (wanted, "", True)]


def test_what_is_no_change_never_reaches_the_attack() -> None:
    answer = ChangeDoor().ask("+lots", "steer")
    assert (answer.kind, answer.text) == (AnswerKind.REFUSED, "'lots' is not a whole number")


def test_a_closed_door_answers_at_once() -> None:
    door = ChangeDoor()
    door.close()
    assert door.ask("+500", "steer") == ChangeAnswer(AnswerKind.CONFLICT, "the attack has ended")


def test_a_change_that_nobody_waits_for_any_more_is_not_made(monkeypatch) -> None:
    monkeypatch.setattr(change_door, "PATIENCE_S", 0)
    door, made = ChangeDoor(), []
    assert door.ask("+500", "steer").kind is AnswerKind.CONFLICT
    door.serve(lambda wanted, by, only_look: made.append(wanted) or TAKEN)
    assert made == []


def test_a_change_that_is_being_made_when_patience_ends_is_not_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_up, given_up = Event(), Event()

    class Impatient(Future[ChangeAnswer]):
        def result(self, timeout: float | None = None) -> ChangeAnswer:
            taken_up.wait()
            return super().result(0.0 if not given_up.is_set() else timeout)

        def cancel(self) -> bool:
            given_up.set()
            return super().cancel()

    def decide(wanted: WantedChange, by: str, only_look: bool) -> ChangeAnswer:
        taken_up.set()
        given_up.wait()
        return TAKEN

    monkeypatch.setattr(change_door, "Future", Impatient)
    door = ChangeDoor()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(door.ask, "+500", "steer")
        while not given_up.is_set():
            door.serve(decide)
    assert answer.result() == TAKEN
