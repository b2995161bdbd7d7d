"""Questions for the time, and who gets an answer."""

from __future__ import annotations

import pytest

from malaria.swarm.run.timekeeping import _ask_once, answer_to, new_key, seal, time_in

KEY = b"k" * 32
NONCE = b"12345678"


def test_a_question_is_answered_with_the_time() -> None:
    answer = answer_to(NONCE + seal(KEY, NONCE), KEY, lambda: -5)
    assert answer is not None
    assert time_in(answer, NONCE, KEY) == -5


@pytest.mark.parametrize("question", [b"", NONCE, NONCE + seal(b"other", NONCE), NONCE + seal(KEY, NONCE) + b"x"])
def test_who_has_not_the_key_gets_no_answer(question: bytes) -> None:
    assert answer_to(question, KEY, lambda: 5) is None


def test_an_answer_to_another_question_or_by_another_is_none() -> None:
    answer = answer_to(NONCE + seal(KEY, NONCE), KEY, lambda: 5)
    assert answer is not None
    assert time_in(answer, b"87654321", KEY) is None
    assert time_in(answer, NONCE, new_key()) is None
    assert time_in(answer[:-1], NONCE, KEY) is None


def test_a_late_answer_to_an_earlier_question_is_passed_over() -> None:
    late = answer_to(NONCE + seal(KEY, NONCE), KEY, lambda: 1)
    assert late is not None
    answers = [late]

    def send(question: bytes) -> None:
        answer = answer_to(question, KEY, lambda: 2)
        assert answer is not None
        answers.append(answer)

    exchange = _ask_once(send, lambda _: answers.pop(0), KEY)
    assert exchange.answered_ns == 2
    assert exchange.asked_ns <= exchange.heard_ns
