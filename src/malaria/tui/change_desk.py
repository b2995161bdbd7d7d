"""Ask for changes on a thread of its own: the door of an attack answers in its time, and the screen does not wait.

Questions are asked in order. Of those that only look ahead while somebody types, the newest counts.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.tui.load_watch import LoadWatch


@dataclass(frozen=True, slots=True)
class DeskAnswer:
    """The answer to a text; `only_look` if nothing was changed."""

    text: str
    answer: ChangeAnswer
    only_look: bool


@dataclass(frozen=True, slots=True)
class _DeskQuestion:
    text: str
    otherwise: str = ""
    look: int | None = None  # the number of a look ahead


class ChangeDesk:
    """`ask` and `look_ahead` return at once; the answer is given to `hear`, on the desk's thread."""

    def __init__(self, watch: LoadWatch, hear: Callable[[DeskAnswer], None]) -> None:
        self._watch, self._hear = watch, hear
        self._questions: queue.SimpleQueue[_DeskQuestion | None] = queue.SimpleQueue()
        self._looks = 0
        # a daemon: an attack that is stuck must not keep the command from ending
        self._thread = Thread(target=self._serve, name="tui-changes", daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._questions.put(None)

    def ask(self, text: str, otherwise: str = "") -> None:
        """Ask for a change; if it does not fit the load as it is now, ask for `otherwise`."""
        self._questions.put(_DeskQuestion(text, otherwise))

    def look_ahead(self, text: str) -> None:
        """Ask what a change would do."""
        self._looks += 1
        self._questions.put(_DeskQuestion(text, look=self._looks))

    def _serve(self) -> None:
        while (question := self._questions.get()) is not None:
            if question.look is None:
                self._change(question)
            elif question.look == self._looks:
                self._hear(DeskAnswer(question.text, self._watch.look_ahead(question.text), only_look=True))

    def _fits(self, text: str) -> bool:
        return self._watch.look_ahead(text).kind is AnswerKind.TAKEN

    def _change(self, question: _DeskQuestion) -> None:
        text = question.text
        if question.otherwise and not self._fits(text) and self._fits(question.otherwise):
            text = question.otherwise
        self._hear(DeskAnswer(text, self._watch.ask(text), only_look=False))
