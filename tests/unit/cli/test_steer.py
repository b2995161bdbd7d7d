"""The command `malaria steer`: which attack is meant, what is asked of it, and what is printed and returned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from malaria.attacks import steer_client
from malaria.attacks.steer_messages import SteerAnswer, SteeredGroup, SteeredLoad, SteerQuestion
from malaria.cli.main import main
from malaria.control.change_answer import AnswerKind
from malaria.model.wanted_change import parse_change
from malaria.units import NotationError

LOAD = SteeredLoad(
    phase="measure", load_s=12.5, clients=500, clients_planned=501, due_per_s=83.3, sent_per_s=82,
    groups=(SteeredGroup(name="meters", role="publish", clients=500),),
)  # fmt: skip
type Asked = list[tuple[str, str, bool]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """Questions to the attack in runs/one, which takes each change but `storm`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/one").mkdir(parents=True)
    questions: Asked = []

    def answer(directory: Path, question: SteerQuestion) -> SteerAnswer:
        questions.append((str(directory), question.change, question.only_look))
        if not question.change:
            return SteerAnswer(kind=AnswerKind.TAKEN, text="", load=LOAD)
        try:
            parse_change(question.change)
        except NotationError as error:
            return SteerAnswer(kind=AnswerKind.REFUSED, text=error.message, remedy=error.remedy)
        if question.change == "storm":
            return SteerAnswer(kind=AnswerKind.CONFLICT, text="no load runs")
        return SteerAnswer(kind=AnswerKind.TAKEN, text=f"{question.change} at 0:12", at_s=12)

    monkeypatch.setattr(steer_client, "ask_attack", answer)
    monkeypatch.setattr(steer_client, "running_below", lambda root: [Path("runs/one")])
    monkeypatch.setattr(steer_client, "running_in", lambda directory: [directory])
    return questions


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (["+500"], ["+500"]),
        (["-500"], ["-500"]),
        (["--", "-500"], ["-500"]),
        (["last", "-500"], ["-500"]),
        (["runs/one", "-500", "pause"], ["-500", "pause"]),
        (["one", "--", "-500"], ["-500"]),
        (["rate=2/s"], ["rate=2/s"]),
        (["cut", "20%", "resume"], ["cut 20%", "resume"]),
        (["meters: cut 20%"], ["meters: cut 20%"]),
        (["meters:", "cut", "20%"], ["meters: cut 20%"]),
        (["meters:", "+5"], ["meters: +5"]),
    ],
)
def test_what_is_asked(asked: Asked, words: list[str], changes: list[str]) -> None:
    assert main(["steer", *words]) == 0
    assert asked == [("runs/one", change, False) for change in changes]


def test_the_answer_is_printed(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steer", "+500", "pause"]) == 0
    assert capsys.readouterr().out == "+500 at 0:12\npause at 0:12\n"


def test_a_look_changes_nothing(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steer", "--look", "-500"]) == 0
    assert asked == [("runs/one", "-500", True)]
    assert capsys.readouterr().out == "would do: -500 at 0:12\n"


def test_the_first_change_that_is_not_taken_ends_it(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steer", "+1", "storm", "+2"]) == 1
    assert [each for _, each, _ in asked] == ["+1", "storm"]
    assert "storm: no load runs" in capsys.readouterr().err


def test_what_is_no_change_is_found_before_any_is_made(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steer", "+1", "more", "+2"]) == 2
    assert asked == []
    assert "'more' is not a change\n" in capsys.readouterr().err
    assert main(["steer", "meters-3", "+2"]) == 2
    assert "'meters-3' is not a change, and no run has this name\n" in capsys.readouterr().err


def test_without_a_change_it_says_how_the_attack_stands(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steer"]) == 0
    first, groups, last = capsys.readouterr().out.splitlines()
    assert first == "runs/one: measure at 0:12 · 500 of 501 clients · 83.3 msg/s due · 82 msg/s sent"
    assert groups == "groups: meters (publish, 500 at the start)"
    assert last.startswith("to change it, write +500, -500, ")


def test_answers_as_json(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steer", "--json", "-", "+1", "storm"]) == 1
    taken, conflict = json.loads(capsys.readouterr().out)
    assert taken == {"change": "+1", "kind": "taken", "text": "+1 at 0:12", "remedy": "", "at_s": 12, "load": None}
    assert conflict["kind"] == "conflict"


@pytest.mark.parametrize(
    ("words", "running", "said"),
    [
        (["+5"], [], "no attack runs below runs/"),
        (["+5"], ["runs/a", "runs/b"], "2 attacks run: runs/a, runs/b"),
        (["runs/nope", "+5"], [], "there is no run runs/nope"),
        (["--lok", "+5"], [], "unknown option --lok"),
    ],
)
def test_what_cannot_be_steered(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], running: list[str], said: str,
) -> None:  # fmt: skip
    found: Callable[[Path], list[Path]] = lambda root: [Path(name) for name in running]  # noqa: E731
    monkeypatch.setattr(steer_client, "running_below", found)
    assert main(["steer", *words]) == 2
    assert said in capsys.readouterr().err
    assert asked == []


def test_an_attack_that_has_ended_is_asked_all_the_same(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steer_client, "running_in", lambda directory: [])
    assert main(["steer", "runs/one", "+5"]) == 0
    assert asked == [("runs/one", "+5", False)]
