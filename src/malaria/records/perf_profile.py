"""What came of `perf record` on the broker, as it lies in a run's directory: a table, and folded stacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

FILE: Final = "perf.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: so much of all samples had this as their innermost frame."""

    percent: float
    samples: int
    command: str
    shared_object: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time went. `stacks` map `command;outer;…;inner` to samples, the format of flame graphs."""

    samples: int
    rows: tuple[Row, ...]
    stacks: dict[str, int]
    stacks_left_out: int = 0  # samples of stacks beyond the bound
    seconds: float = 0.0  # of the recording; 0: not said
    event: str = ""  # what was counted

    def as_json(self) -> dict[str, Any]:
        """As it lies in the run directory."""
        table = [
            {"percent": r.percent, "samples": r.samples, "command": r.command, "object": r.shared_object,
             "symbol": r.symbol} for r in self.rows
        ]  # fmt: skip
        return {"samples": self.samples, "table": table, "stacks": self.stacks,
                "stacks_left_out": self.stacks_left_out, "seconds": self.seconds, "event": self.event}  # fmt: skip


def profile_from_json(text: str) -> Profile:
    """Back again; a file may come from anywhere. Raises ValueError for what is no profile."""
    try:
        stored: dict[str, Any] = json.loads(text)
        return Profile(
            samples=_count(stored["samples"]),
            rows=tuple(_row(row) for row in stored["table"]),
            stacks={str(stack): _count(count) for stack, count in stored["stacks"].items()},
            stacks_left_out=_count(stored.get("stacks_left_out", 0)),
            seconds=_number(stored.get("seconds", 0)),
            event=str(stored.get("event", "")),
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__} {error}") from None


def _row(row: Mapping[str, Any]) -> Row:
    words = (str(row[key]) for key in ("command", "object", "symbol"))
    return Row(_number(row["percent"]), _count(row["samples"]), *words)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{str(value)[:40]!r} is no count")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise ValueError(f"{str(value)[:40]!r} is no number")
    return value
