"""Questions for the time, and who gets an answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from attacking import until
from malaria.swarm.run.timekeeping import (
    Answerer,
    TimeServer,
    _ask_once,
    ask_time,
    new_key,
    question_at,
    sealed,
    time_in,
)

KEY = b"k" * 32
ASKED_NS = 1_000


def answer_of(clock_ns: int, asked_ns: int = ASKED_NS) -> bytes:
    answer = Answerer(KEY, lambda: clock_ns).answer_to(question_at(asked_ns, KEY))
    assert answer is not None
    return answer


def test_a_question_is_answered_with_the_time() -> None:
    assert time_in(answer_of(-5), ASKED_NS, KEY) == -5


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"12345678",
        question_at(1, b"other"),
        question_at(1, KEY) + b"x",
        sealed(KEY, b"12345678" * 2),
        answer_of(1),
    ],
)
def test_who_has_not_the_key_gets_no_answer(datagram: bytes) -> None:
    assert Answerer(KEY, lambda: 5).answer_to(datagram) is None


def test_a_question_is_answered_once_and_an_older_one_never() -> None:
    answerer = Answerer(KEY, lambda: 5)
    first, second, third = (question_at(asked_ns, KEY) for asked_ns in (-3, 1, 2))
    assert answerer.answer_to(first) is not None
    assert answerer.answer_to(first) is None
    assert answerer.answer_to(third) is not None
    assert answerer.answer_to(second) is None
    assert answerer.answer_to(third) is None


def test_a_forged_question_does_not_shut_out_the_genuine_ones() -> None:
    answerer = Answerer(KEY, lambda: 5)
    assert answerer.answer_to(question_at(2**62, b"other")) is None
    assert answerer.answer_to(question_at(1, KEY)) is not None


def test_an_answer_to_another_question_or_by_another_is_none() -> None:
    answer = answer_of(5)
    assert time_in(answer, ASKED_NS + 1, KEY) is None
    assert time_in(answer, ASKED_NS, new_key()) is None
    assert time_in(answer[:-1], ASKED_NS, KEY) is None


def test_a_late_answer_to_an_earlier_question_is_passed_over() -> None:
    answers = [answer_of(1)]
    answerer = Answerer(KEY, lambda: 2)

    def send(question: bytes) -> None:
        answer = answerer.answer_to(question)
        assert answer is not None
        answers.append(answer)

    exchange = _ask_once(send, lambda _: answers.pop(0), KEY)
    assert exchange.answered_ns == 2
    assert exchange.asked_ns <= exchange.heard_ns


@contextmanager
def serving(heard: list[None]) -> Iterator[tuple[str, int]]:
    server = TimeServer("127.0.0.1", KEY, lambda: heard.append(None))
    try:
        yield server.address
    finally:
        server.close()


def test_a_replayed_question_is_no_sign_of_life() -> None:
    """It comes from a socket of its own, as from somebody who recorded the conductor's datagrams."""
    heard: list[None] = []
    with serving(heard) as address, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as recorder:
        recorder.settimeout(5)
        recorder.connect(address)
        question = question_at(1, KEY)
        recorder.send(question)
        recorder.recv(512)
        for _ in range(3):
            recorder.send(question)
        assert len(ask_time(address, KEY, 2)) == 2  # the copies were read before these
        recorder.setblocking(False)
        with pytest.raises(BlockingIOError):
            recorder.recv(512)
        until(lambda: len(heard) >= 3, 5)
    assert len(heard) == 3
