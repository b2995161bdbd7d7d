"""The socket of `malaria steer`: who may ask, what is answered, and that no client holds an attack."""

from __future__ import annotations

import json
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from attacking import request_for, until
from malaria.attacks import steer_client, steer_socket
from malaria.attacks.change_door import ENDED, ChangeDoor
from malaria.attacks.followers import AttackUnderWay, Followers
from malaria.attacks.steer_client import ask_attack, running_below, running_in
from malaria.attacks.steer_messages import SteerAnswer, SteerQuestion
from malaria.attacks.steer_socket import MOST_AT_ONCE, SteerSocket, short_address
from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.model.wanted_change import WantedChange
from malaria.outputs.run_directory import SOCKET
from malaria.records.rows import Progress, RunPhase
from malaria.records.run_meta import RunMeta

START_NS = 5 * NS_PER_S


class Attack:
    """An attack that takes every change, on a thread of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory, self.door, self.over = directory, ChangeDoor(), Event()
        self.taken: list[tuple[str, str]] = []
        self.followers = Followers([SteerSocket()])
        warhead = request_for(1883, directory, clients=7).warhead
        self.followers.begin(AttackUnderWay(directory, "", warhead, ("1",), RunMeta(), self.door))
        self.followers.progress(Progress(START_NS, RunPhase.MEASURE, 0, 0, 7, 7.0, load_start_ns=START_NS))
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self.over.set()
        self._thread.join()
        self.door.close()
        self.followers.end("")

    def _run(self) -> None:
        while not self.over.wait(0.005):
            self.door.serve(self._decide)

    def _decide(self, wanted: WantedChange, by: str, only_look: bool) -> ChangeAnswer:
        if not only_look:
            self.taken.append((str(wanted), by))
        return ChangeAnswer(AnswerKind.TAKEN, wanted.in_words, "", START_NS + NS_PER_S)


@pytest.fixture
def attack(tmp_path: Path) -> Iterator[Attack]:
    made = Attack(tmp_path / "runs" / "one")
    yield made
    made.end()


def said(directory: Path, data: bytes) -> bytes:
    """Send bytes, end what is sent, and return everything that comes back."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        with short_address(directory / SOCKET) as address:
            client.connect(address)
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_change_is_passed_on_and_answered(attack: Attack) -> None:
    answer = ask_attack(attack.directory, SteerQuestion(change="+500"))
    assert answer == SteerAnswer(kind=AnswerKind.TAKEN, text="+500 clients", at_s=1)
    assert attack.taken == [("+500", "steer")]
    ask_attack(attack.directory, SteerQuestion(change="-500", only_look=True))
    assert attack.taken == [("+500", "steer")]


def test_without_a_change_it_says_how_the_attack_stands(attack: Attack) -> None:
    load = ask_attack(attack.directory, SteerQuestion()).load
    assert load is not None
    assert (load.phase, load.load_s, load.clients_planned, load.due_per_s) == ("measure", 0, 7, 7)
    assert [(group.name, group.clients) for group in load.groups] == [("publishers", 7)]


def test_only_its_owner_can_open_it(attack: Attack) -> None:
    path = attack.directory / SOCKET
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_user_is_refused(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steer_socket, "_is_allowed", lambda _: False)
    answer = ask_attack(attack.directory, SteerQuestion(change="+500"))
    assert answer.kind is AnswerKind.REFUSED
    assert attack.taken == []


def test_a_refusal_is_heard_though_the_question_was_not(tmp_path: Path) -> None:
    refused = SteerAnswer(kind=AnswerKind.REFUSED, text="not you")

    def refuse(listener: socket.socket) -> None:
        with listener.accept()[0] as connection:
            connection.shutdown(socket.SHUT_RD)
            connection.sendall(refused.model_dump_json().encode() + b"\n")

    with socket.socket(socket.AF_UNIX) as listener, short_address(tmp_path / SOCKET) as address:
        listener.bind(address)
        listener.listen()
        refusing = Thread(target=refuse, args=(listener,))
        refusing.start()
        assert ask_attack(tmp_path, SteerQuestion(change="+500" * 1000)) == refused
        refusing.join()


@pytest.fixture
def full_queue(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket whose queue of one is full."""
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX) as waiting,
        short_address(tmp_path / SOCKET) as address,
    ):
        listener.bind(address)
        listener.listen(0)
        waiting.connect(address)
        yield listener


def test_an_attack_with_a_full_queue_runs(
    full_queue: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steer_client, "PATIENCE_S", 0.1)
    assert running_in(tmp_path) == [tmp_path]
    answer = ask_attack(tmp_path, SteerQuestion(change="+500"))
    assert (answer.kind, answer.text) == (AnswerKind.CONFLICT, "many others steer at this moment")


def test_a_full_queue_is_waited_for(full_queue: socket.socket, tmp_path: Path) -> None:
    answers: list[SteerAnswer] = []
    asking = Thread(target=lambda: answers.append(ask_attack(tmp_path, SteerQuestion(change="+500"))))
    asking.start()
    full_queue.accept()[0].close()
    taken = SteerAnswer(kind=AnswerKind.TAKEN, text="+500 clients")
    with full_queue.accept()[0] as connection:
        connection.sendall(taken.model_dump_json().encode() + b"\n")
        asking.join()
    assert answers == [taken]


def test_it_is_gone_when_the_attack_is_over(tmp_path: Path) -> None:
    attack = Attack(tmp_path / "run")
    attack.end()
    assert list(attack.directory.iterdir()) == []
    assert ask_attack(attack.directory, SteerQuestion(change="+500")).text == ENDED


def test_the_socket_of_a_killed_attack_says_that_it_has_ended(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left, short_address(tmp_path / SOCKET) as address:
        left.bind(address)
    assert (tmp_path / SOCKET).is_socket()
    answer = ask_attack(tmp_path, SteerQuestion(change="+500"))
    assert (answer.kind, answer.text) == (AnswerKind.CONFLICT, ENDED)
    assert running_in(tmp_path) == []
    again = Attack(tmp_path / "again")
    again.end()


def test_a_path_may_be_longer_than_the_address_of_a_socket(tmp_path: Path) -> None:
    attack = Attack(tmp_path / ("long" * 40))
    assert ask_attack(attack.directory, SteerQuestion(change="+500")).kind is AnswerKind.TAKEN
    assert running_below(tmp_path) == [attack.directory]
    attack.end()
    assert list(attack.directory.iterdir()) == []


def test_attacks_that_run_are_found(attack: Attack, tmp_path: Path) -> None:
    level = Attack(tmp_path / "runs" / "campaign" / "01-500")
    assert running_below(tmp_path / "runs") == sorted([attack.directory, level.directory])
    assert running_in(tmp_path / "runs" / "campaign") == [level.directory]
    level.end()


@pytest.mark.parametrize(
    "line",
    [b"+500\n", b"{}{}\n", b'{"change": 5}\n', b'{"chnage": "+5"}\n', b"\xff\xfe\n", b"x" * 200_000 + b"\n"],
    ids=["no JSON", "two objects", "a number", "an unknown key", "no text", "a line without end"],
)
def test_nonsense_is_refused(attack: Attack, line: bytes) -> None:
    try:
        answer = json.loads(said(attack.directory, line))
    except (BrokenPipeError, ConnectionResetError):  # of a line that is too long the rest is not read
        assert len(line) > steer_socket.LONGEST_LINE
    else:
        assert answer["kind"] == "refused"
    assert attack.taken == []
    assert ask_attack(attack.directory, SteerQuestion(change="+1")).kind is AnswerKind.TAKEN


def test_who_says_nothing_gets_no_answer(attack: Attack) -> None:
    assert said(attack.directory, b"") == b""


def test_slow_clients_are_few_and_are_given_up(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steer_socket, "PATIENCE_S", 0.2)
    slow = [socket.socket(socket.AF_UNIX) for _ in range(MOST_AT_ONCE)]
    for client in slow:
        client.connect(str(attack.directory / SOCKET))
        client.sendall(b'{"change":')
    until(lambda: _is_answered(attack))
    for client in slow:
        client.settimeout(20)
        assert client.recv(100) == b""
        client.close()


def _is_answered(attack: Attack) -> bool:
    """Ask until a place is free: several others are answered that they are too many."""
    answer = ask_attack(attack.directory, SteerQuestion(change="+1"))
    if answer.kind is AnswerKind.CONFLICT:
        time.sleep(0.01)
    return answer.kind is AnswerKind.TAKEN


def test_where_no_socket_can_be_the_load_goes_on_with_a_mark(tmp_path: Path) -> None:
    followers = Followers([SteerSocket()])
    warhead = request_for(1883, tmp_path, clients=7).warhead
    followers.begin(AttackUnderWay(tmp_path / "gone", "", warhead, ("1",), RunMeta(), ChangeDoor()))
    (loss,) = followers.take_notes()
    assert loss.endswith("No such file or directory: malaria steer cannot change this attack")
    followers.end("")
