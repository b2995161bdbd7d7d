"""The answer to somebody who wants to change a running load."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AnswerKind(StrEnum):
    """The kinds of answer."""

    TAKEN = "taken"
    CONFLICT = "conflict"  # it does not fit the load as it is now
    REFUSED = "refused"  # it is no change, or none that this load can ever make


@dataclass(frozen=True, slots=True)
class ChangeAnswer:
    """The answer to one change: `text` says what was done or will happen, or why not; `remedy` what to ask instead.

    `at_ns` (run time) is when a taken change takes effect.
    """

    kind: AnswerKind
    text: str
    remedy: str = ""
    at_ns: int | None = None
