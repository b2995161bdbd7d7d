"""A place in the feed of a run: the state that a reader knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """An attack, the version of its series, and the number of its events so far."""

    epoch: int = 0
    version: int = -1
    events: int = 0

    def __str__(self) -> str:
        return f"{self.epoch}-{self.version}-{self.events}"


START: Final = FeedPlace()
"""Before everything."""


def parse_place(text: str | None) -> FeedPlace:
    """Read the `id` of a view; whatever is none gives the start, from which nothing is missed."""
    parts = (text or "").split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts):
        return START
    return FeedPlace(*map(int, parts))
