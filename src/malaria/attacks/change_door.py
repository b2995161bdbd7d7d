"""Take changes by hand through one door: keys, browser, HTTP and `malaria steer` ask here, on their own threads.

The attack answers on its own thread, a few times a second, so a change is taken when the conductor has its place for
it, and two people who steer at once get one order after the other. A closed door answers at once.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitTimeout
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Final

from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.model.wanted_change import WantedChange, parse_change
from malaria.units import NotationError

PATIENCE_S: Final = 5.0
"""How long somebody who asks waits. The attack answers in a tenth of a second unless this machine stands still."""
DECIDING_S: Final = 3.0
"""How much longer, where the attack has just taken the question up: a change that is made must not be denied."""
ENDED: Final = "the attack has ended"


@dataclass(frozen=True, slots=True)
class _Question:
    wanted: WantedChange
    by: str
    only_look: bool
    answer: Future[ChangeAnswer]


type Decide = Callable[[WantedChange, str, bool], ChangeAnswer]
"""(change, who asks, whether it is only a look ahead) -> the answer"""


class ChangeDoor:
    """`ask` and `look_ahead` may be called on any thread; `serve` and `close` belong to the attack."""

    def __init__(self) -> None:
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._closed = ""
        self._lock = Lock()  # no question may slip in behind the last look at the queue

    # --- who asks --------------------------------------------------------------------------------------------------

    def ask(self, text: str, by: str) -> ChangeAnswer:
        """Ask for a change, and wait for the answer. `by` says who asks, for the mark: `browser`, `key`, `steer`."""
        return self._put(text, by, only_look=False)

    def look_ahead(self, text: str) -> ChangeAnswer:
        """Return what a change would do, without making it."""
        return self._put(text, "", only_look=True)

    @property
    def refusal(self) -> str:
        """The reason why no change is taken any more, or none ever was; empty while changes are taken."""
        return self._closed

    def submit(self, text: str, by: str, *, only_look: bool = False) -> Future[ChangeAnswer]:
        """Ask for a change without waiting. A question whose answer is cancelled makes no change."""
        answer: Future[ChangeAnswer] = Future()
        try:
            wanted = parse_change(text)
        except NotationError as error:
            answer.set_result(ChangeAnswer(AnswerKind.REFUSED, error.message, error.remedy))
            return answer
        with self._lock:
            if self._closed:
                answer.set_result(ChangeAnswer(AnswerKind.CONFLICT, self._closed))
            else:
                self._questions.put(_Question(wanted, by, only_look, answer))
        return answer

    def _put(self, text: str, by: str, *, only_look: bool) -> ChangeAnswer:
        answer = self.submit(text, by, only_look=only_look)
        with suppress(WaitTimeout):
            return answer.result(PATIENCE_S)
        if not answer.cancel():  # else nothing may happen, for nobody waits any more
            with suppress(WaitTimeout):
                return answer.result(DECIDING_S)
        return ChangeAnswer(
            AnswerKind.CONFLICT, f"the attack did not answer for {PATIENCE_S:g} s", "this machine is busy: ask again"
        )

    # --- the attack ------------------------------------------------------------------------------------------------

    def serve(self, decide: Decide) -> None:
        """Answer everything that was asked since the last call, but not what nobody waits for any more."""
        while True:
            try:
                question = self._questions.get_nowait()
            except queue.Empty:
                return
            if not question.answer.set_running_or_notify_cancel():
                continue
            question.answer.set_result(decide(question.wanted, question.by, question.only_look))

    def close(self, reason: str = ENDED) -> None:
        """Answer with a conflict from now on, also what is still asked."""
        with self._lock:
            self._closed = reason
        self.serve(lambda wanted, by, only_look: ChangeAnswer(AnswerKind.CONFLICT, reason))
