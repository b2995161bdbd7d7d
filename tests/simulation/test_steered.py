"""A session of changes by hand, in virtual time, and the warhead that repeats it: same due times, same counts."""

from __future__ import annotations

import random
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attacking import request_for
from exactly import S, dues_by_client
from malaria.analysis.compare.comparable import condition_changes, conditions_of
from malaria.attacks.followers import AttackUnderWay
from malaria.attacks.runner import AttackOutcome, AttackRequest
from malaria.attacks.steered_file import repeat_command
from malaria.control.change_answer import ChangeAnswer
from malaria.model.warhead import load_warhead, to_toml
from malaria.records.rows import EventKind
from simulation import Action, Machine, Simulation


class Hand:
    """A follower that changes the load at times of the story."""

    def __init__(self) -> None:
        self._attack: AttackUnderWay | None = None
        self._asked: list[Any] = []

    def begin(self, attack: AttackUnderWay) -> None:
        self._attack = attack

    def __getattr__(self, name: str) -> Any:  # what else a follower is told
        return lambda *_: None

    def asks(self, text: str) -> Action:
        def ask(_: Simulation) -> None:
            assert self._attack is not None
            self._asked.append(self._attack.door.submit(text, "key"))

        return ask

    @property
    def answers(self) -> list[ChangeAnswer]:
        return [asked.result(0) for asked in self._asked]


def steered(tmp_path: Path, *story: tuple[float, str], **options: Any) -> tuple[AttackOutcome, Simulation, Hand]:
    hand = Hand()
    simulation = Simulation(machines=[Machine()] * 2, story=[(at_s, hand.asks(text)) for at_s, text in story])
    brief = {"clients": 20, "rate": "10", "duration": "6s", "arrival": "random", "seed": None} | options
    request = replace(request_for(1883, tmp_path, 2, 1, **brief), followers=(hand,))
    return simulation.carry_out(request), simulation, hand


def repeated(tmp_path: Path, directory: Path) -> tuple[AttackOutcome, Simulation]:
    simulation = Simulation(machines=[Machine()] * 2)
    request: AttackRequest = request_for(1883, tmp_path / "again", 2, 1)
    again = replace(request, warhead=load_warhead(directory / "steered.toml"))
    return simulation.carry_out(again), simulation


def dues(outcome: AttackOutcome, simulation: Simulation) -> dict[int, list[int]]:
    """The due times of each client, counted from the beginning of the measured time."""
    begin_ns = outcome.run.meta.measure_start_ns
    return {client: [due - begin_ns for due in each] for client, each in dues_by_client(simulation.broker).items()}


def marks(outcome: AttackOutcome) -> list[tuple[int, str]]:
    begin_ns = outcome.run.meta.measure_start_ns
    acts = [event for event in outcome.run.events if event.kind is EventKind.ACT]
    return [(event.at_ns - begin_ns, event.text.removesuffix(" (by hand, key)")) for event in acts]


def test_a_session_is_repeated_by_its_file(tmp_path: Path) -> None:
    outcome, simulation, _ = steered(
        tmp_path, (-1.1, "rate=20/s"), (1.03, "rate=5/s"), (2.2, "cut 20%"), (3.7, "rate=30/s"), warmup="2s"
    )
    again, repeat = repeated(tmp_path, outcome.directory)
    assert len(marks(outcome)) == 4
    assert marks(again) == marks(outcome)
    assert dues(again, repeat) == dues(outcome, simulation)
    assert again.summary["messages"] == outcome.summary["messages"]
    assert again.run.meta.rate_steps == outcome.run.meta.rate_steps
    assert condition_changes(conditions_of(outcome.run), conditions_of(again.run)) == []


def test_clients_that_come_and_go_are_repeated(tmp_path: Path) -> None:
    story = [(0.2, "+30"), (2.5, "-12"), (3.1, "pause"), (3.6, "+5"), (4.2, "resume"), (5.5, "-31"), (6.5, "storm")]
    outcome, simulation, hand = steered(tmp_path, *story, duration="9s", connect_rate=200)
    assert [answer.kind for answer in hand.answers] == ["taken"] * len(story)
    again, repeat = repeated(tmp_path, outcome.directory)
    assert dues(again, repeat) == dues(outcome, simulation)
    assert again.summary["messages"] == outcome.summary["messages"]
    assert again.summary["clients"] == outcome.summary["clients"]
    assert again.run.meta.rate_steps == outcome.run.meta.rate_steps
    assert condition_changes(conditions_of(outcome.run), conditions_of(again.run)) == []


CHANGES = (
    "+3", "+17", "-2", "-9", "publishers: -1", "rate=3/s", "rate=25/s", "pause", "resume", "cut 20%", "cut 3", "storm",
    "subscribers: +1", "publishers: storm", "publishers: pause",
)  # fmt: skip


@pytest.mark.parametrize("seed", [6, 8, 17, 109])
def test_any_session_is_repeated(tmp_path: Path, seed: int) -> None:
    """Changes in a rush, also while surges and changes of the file come and go; what is refused is in no file."""
    draw = random.Random(seed)
    story, at_s = [], draw.uniform(-1.5, 0.5)
    while at_s < 8:
        story.append((at_s, draw.choice(CHANGES)))
        at_s += draw.choice([0, 0.01, 0.2, 0.5, 1.3])
    story += [(7.5, "end")] if seed % 2 else []
    options = {"surges": [{"clients": 6, "at": "1s", "hold": "4s"}], "qos": seed % 3, "warmup": f"{seed % 4}s"}
    changes = [("1500ms", "+4"), ("3s", "rate=7/s"), ("6s", "-8")]
    outcome, simulation, _ = steered(
        tmp_path, *sorted(story), duration="9s", connect_rate=draw.choice([0, 50, 500]), changes=changes, **options
    )
    again, repeat = repeated(tmp_path, outcome.directory)
    assert marks(again) == marks(outcome)
    assert dues(again, repeat) == dues(outcome, simulation)
    assert again.summary["messages"] == outcome.summary["messages"]
    assert again.summary["clients"] == outcome.summary["clients"]


def test_an_early_end_is_repeated(tmp_path: Path) -> None:
    outcome, simulation, _ = steered(tmp_path, (1.01, "rate=20/s"), (2.34, "end"))
    meta = outcome.run.meta
    length_ns = meta.measure_end_ns - meta.measure_start_ns
    assert 2.64 * S <= length_ns < 2.7 * S
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    again, repeat = repeated(tmp_path, outcome.directory)
    assert again.run.meta.measure_end_ns - again.run.meta.measure_start_ns == length_ns
    assert dues(again, repeat) == dues(outcome, simulation)
    assert again.summary["messages"] == outcome.summary["messages"]
    assert condition_changes(conditions_of(outcome.run), conditions_of(again.run)) == []


def test_what_came_after_an_early_end_is_left_out(tmp_path: Path) -> None:
    outcome, _, hand = steered(
        tmp_path, (1.5, "rate=20/s"), (2.1, "end"), changes=[("1s", "rate=5/s"), ("5s", "rate=1/s")]
    )
    assert [answer.kind for answer in hand.answers] == ["taken", "taken"]
    warhead = load_warhead(outcome.directory / "steered.toml")
    assert [str(change.do) for change in warhead.changes] == ["rate=5", "rate=20", "end"]


def test_stop_is_an_end(tmp_path: Path) -> None:
    outcome, _, _ = steered(tmp_path, (1.5, "stop"))
    meta, warhead = outcome.run.meta, load_warhead(outcome.directory / "steered.toml")
    assert warhead.length_ns == meta.measure_end_ns - meta.measure_start_ns
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"


@pytest.mark.parametrize(("title", "end"), [("attack", []), ("two meters", ["--title", "two meters"])])
def test_the_command_keeps_the_title(tmp_path: Path, title: str, end: list[str]) -> None:
    words = repeat_command("mqtt://broker", tmp_path, title)
    assert shlex.split(words) == ["malaria", "attack", "mqtt://broker", "-w", str(tmp_path / "steered.toml"), *end]


def test_without_a_change_by_hand_there_is_no_file(tmp_path: Path) -> None:
    outcome, _, hand = steered(tmp_path, (1, "nonsense"), changes=[("1s", "rate=5/s")])
    assert [answer.kind for answer in hand.answers] == ["refused"]
    assert not (outcome.directory / "steered.toml").exists()
    assert outcome.run.meta.steered is None


def test_the_file_is_whole_after_each_change(tmp_path: Path) -> None:
    """A killed attack leaves what was changed until then."""
    seen: list[str] = []
    hand = Hand()
    simulation = Simulation(
        story=[(1, hand.asks("rate=5/s")), (2, lambda _: seen.append((tmp_path / "run/steered.toml").read_text()))]
    )
    simulation.carry_out(replace(request_for(1883, tmp_path, clients=5, duration="4s"), followers=(hand,)))
    (text,) = seen
    (tmp_path / "copy.toml").write_text(text)
    (change,) = load_warhead(tmp_path / "copy.toml").changes
    assert str(change.do) == "rate=5"
    assert S < change.at_ns < 1.5 * S
    assert "#   malaria attack mqtt://127.0.0.1:1883 -w " in text


def test_a_disk_that_does_not_take_the_file_is_a_mark(tmp_path: Path) -> None:
    hand = Hand()
    (tmp_path / "run/steered.toml").mkdir(parents=True)
    simulation = Simulation(story=[(1, hand.asks("rate=5/s"))])
    outcome = simulation.carry_out(replace(request_for(1883, tmp_path, clients=5), followers=(hand,)))
    texts = [event.text for event in outcome.run.events if event.kind is EventKind.OPERATOR]
    assert any(text.endswith("changes by hand are not stored there") for text in texts)
    assert hand.answers[0].kind == "taken"


def test_its_warhead_reads_back_equal(tmp_path: Path) -> None:
    outcome, _, _ = steered(tmp_path, (1, "publishers: cut 33.3%"), changes=[("3s", "storm")])
    warhead = load_warhead(outcome.directory / "steered.toml")
    (tmp_path / "copy.toml").write_text(to_toml(warhead))
    assert load_warhead(tmp_path / "copy.toml") == warhead


def test_a_session_with_waves_and_a_pause_is_repeated_by_its_file(tmp_path: Path) -> None:
    """Random due times too: a wave has the same numbers, and so the same chances."""
    outcome, simulation, hand = steered(
        tmp_path, (0.4, "+30"), (1.9, "pause"), (2.1, "subscribers: +1"), (2.7, "resume"), (3.3, "-37"), (4.1, "storm"),
        connect_rate=100,
    )  # fmt: skip
    assert [answer.kind for answer in hand.answers] == ["taken"] * 6
    again, repeat = repeated(tmp_path, outcome.directory)
    assert again.run.meta.unmade_changes == ()
    assert marks(again) == marks(outcome)
    assert dues(again, repeat) == dues(outcome, simulation)
    assert again.summary["messages"] == outcome.summary["messages"]
    assert again.run.meta.rate_steps == outcome.run.meta.rate_steps
    assert again.summary["surges"] == outcome.summary["surges"]
