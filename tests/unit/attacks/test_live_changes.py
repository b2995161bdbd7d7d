"""The changes of one attack: what hands ask for is ordered and stored, a stop is a Ctrl-C, and a file has an end."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.attacks import steered_file
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.live_changes import LiveChanges
from malaria.attacks.preflight import AttackRequest
from malaria.clock import NS_PER_S as S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.control.changes import ChangeRate, TimedChange
from malaria.control.conductor import AttackTiming, Conductor
from malaria.control.crowd import GroupSize
from malaria.control.messages import Order
from malaria.model.target import parse_target
from malaria.model.warhead import warhead_from_toml
from malaria.outputs.run_directory import STEERED
from malaria.plan.clients import Identity
from malaria.records.rows import RunPhase
from malaria.workers.local import Load

WARHEAD = warhead_from_toml(
    '[attack]\nduration = "60s"\n[[group]]\nname = "meters"\nclients = 10\ninterval = "1s"\nreserve = 5\n', "w.toml"
)


class Attack:
    """An attack that is measured since second 0; it is second 10 now."""

    def __init__(self, directory: Path, refusal: str = "") -> None:
        timing = AttackTiming(0, 60 * S, S, S, counted=False, groups=(GroupSize("meters", 10, 5),))
        self.conductor = Conductor(("1",), timing)
        self.conductor.phase = RunPhase.MEASURE
        self.conductor.measure_start_ns, self.conductor.measure_end_ns = 0, 60 * S
        self.orders: list[Order] = []
        self.interrupt = Interrupt()
        target = parse_target("broker")
        request = AttackRequest(target, WARHEAD, directory, 1, "malaria attack broker", "", unsteerable=refusal)
        load = Load(WARHEAD, Identity("r", 0, 7), {}, 0)
        self.changes = LiveChanges(request, load, self.conductor, self.orders.append, lambda: 10 * S)

    def ask(self, text: str, *, only_look: bool = False) -> ChangeAnswer:
        answer = self.changes.door.submit(text, "key", only_look=only_look)
        self.changes.serve(self.interrupt)
        return answer.result(0)


def test_what_a_hand_asks_for_is_ordered_and_stored(tmp_path: Path) -> None:
    attack = Attack(tmp_path)
    assert attack.ask("rate=2/s", only_look=True).kind is AnswerKind.TAKEN
    assert (attack.orders, list(tmp_path.iterdir())) == ([], [])
    assert attack.ask("rate=2/s").kind is AnswerKind.TAKEN
    (order,) = attack.orders
    assert isinstance(order, TimedChange)
    assert isinstance(order.change, ChangeRate)
    stored = warhead_from_toml((tmp_path / STEERED).read_text(), STEERED)
    assert [(change.at_ns, str(change.wanted)) for change in stored.changes] == [(order.at_ns, "rate=2")]
    assert attack.changes.facts().steered is not None
    assert [change.by for change in attack.changes.taken] == ["key"]


def test_a_wish_to_stop_counts_as_ctrl_c(tmp_path: Path) -> None:
    attack = Attack(tmp_path)
    attack.ask("stop", only_look=True)
    assert attack.interrupt.count == 0
    attack.ask("stop")
    assert (attack.interrupt.count, attack.orders) == (1, [])


def test_more_changes_than_a_file_can_hold_are_a_conflict_but_for_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steered_file, "MOST_CHANGES", 3)
    attack = Attack(tmp_path)
    kinds = [attack.ask(text).kind for text in ("+1", "+1", "+1", "end")]
    assert kinds == [AnswerKind.TAKEN, AnswerKind.TAKEN, AnswerKind.CONFLICT, AnswerKind.TAKEN]


def test_a_file_that_cannot_be_written_is_marked_and_the_change_is_made(tmp_path: Path) -> None:
    attack = Attack(tmp_path / "gone")
    assert attack.ask("+1").kind is AnswerKind.TAKEN
    assert len(attack.orders) == 1
    (mark,) = attack.changes.events()
    assert mark.text.endswith("changes by hand are not stored there")
    assert attack.changes.events() == []
    assert attack.changes.facts().steered is None


def test_a_load_that_no_hand_may_change_says_why(tmp_path: Path) -> None:
    answer = Attack(tmp_path, refusal="a search changes it").ask("+1")
    assert (answer.kind, answer.text) == (AnswerKind.CONFLICT, "a search changes it")
