"""The verdict on a run: its outcome, and the reasons with their remedies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The verdict in one word. INVALID: the generator was the limit. UNKNOWN: evidence is missing."""

    PASS = "PASS"
    FAIL = "FAIL"
    INVALID = "INVALID"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence, and what to do about it (empty: nothing)."""

    outcome: Outcome
    text: str
    remedy: str = ""
