"""The result of `perf record` on the broker, as it is stored in a run directory: a table, and folded stacks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from malaria.records.stored_values import StoredCount, StoredNumber, in_words

FILE: Final = "perf.json"


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One line of the table: the part of all samples that had this as their innermost frame."""

    percent: float
    samples: int
    command: str
    shared_object: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A recording of perf. `stacks` map `command;outer;…;inner` to samples, the format of flame graphs."""

    samples: int
    rows: tuple[ProfileRow, ...]
    stacks: dict[str, int]
    stacks_left_out: int = 0  # samples of stacks beyond the bound
    seconds: float = 0.0  # of the recording; 0: unknown
    event: str = ""  # what was counted

    def as_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        table = [
            {"percent": r.percent, "samples": r.samples, "command": r.command, "object": r.shared_object,
             "symbol": r.symbol} for r in self.rows
        ]  # fmt: skip
        return {"samples": self.samples, "table": table, "stacks": self.stacks,
                "stacks_left_out": self.stacks_left_out, "seconds": self.seconds, "event": self.event}  # fmt: skip


class _StoredProfileRow(BaseModel):
    percent: StoredNumber
    samples: StoredCount
    command: str
    object: str
    symbol: str


class _StoredProfile(BaseModel):
    samples: StoredCount
    table: tuple[_StoredProfileRow, ...]
    stacks: dict[str, StoredCount]
    stacks_left_out: StoredCount = 0
    seconds: StoredNumber = 0
    event: str = ""


def profile_from_json(text: str) -> Profile:
    """Read the file back; it may come from anywhere. Raises ValueError for what is not a profile."""
    try:
        stored = _StoredProfile.model_validate(json.loads(text))
    except ValidationError as error:
        raise ValueError(in_words(error)) from None
    except RecursionError as error:
        raise ValueError(f"{type(error).__name__} {error}") from None
    return Profile(
        samples=stored.samples,
        rows=tuple(ProfileRow(r.percent, r.samples, r.command, r.object, r.symbol) for r in stored.table),
        stacks=stored.stacks,
        stacks_left_out=stored.stacks_left_out,
        seconds=stored.seconds,
        event=stored.event,
    )
