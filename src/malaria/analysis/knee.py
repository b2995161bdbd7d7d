"""Find where the broker broke among the levels of a campaign, and how far it held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from malaria.analysis.outcome import Outcome


class JudgedLevel(Protocol):
    """A level of a campaign, judged. Levels are set side by side by `load`; only plain ones can be compared."""

    @property
    def outcome(self) -> str: ...
    @property
    def load(self) -> int: ...
    @property
    def is_plain(self) -> bool: ...


def knee[L: JudgedLevel](levels: Sequence[L]) -> L | None:
    """Return the level where the broker broke: the one with the fewest clients that failed.

    If none failed, return the first INVALID or UNKNOWN level above the highest that passed.
    """
    failed = plain_levels(levels, Outcome.FAIL)
    if failed:
        return failed[0]
    best = highest_passed(levels)
    # below the highest level that passed, a doubtful one says nothing about the limit
    doubtful = [
        one for one in plain_levels(levels, Outcome.INVALID, Outcome.UNKNOWN) if best is None or one.load > best.load
    ]
    return doubtful[0] if doubtful else None


def highest_passed[L: JudgedLevel](levels: Sequence[L]) -> L | None:
    """Return the level with the most clients that passed, below the first that failed."""
    failed = plain_levels(levels, Outcome.FAIL)
    below = [one for one in plain_levels(levels, Outcome.PASS) if not failed or one.load < failed[0].load]
    return below[-1] if below else None


def plain_levels[L: JudgedLevel](levels: Sequence[L], *outcomes: str) -> list[L]:
    """Return the levels with these outcomes, without variants and surges, from few clients to many."""
    return sorted((one for one in levels if one.is_plain and one.outcome in outcomes), key=lambda one: one.load)
