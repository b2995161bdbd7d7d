"""The interface of every observer of the target side: start it, ask it for samples, stop it.

An observer promises three things. `start` and `sample` return or raise within a few seconds, whatever the other side
does. What cannot be read raises `LostError` with a reason for people. `stop` may be called at any time, also twice.
All three are called from one thread that belongs to the observer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from malaria.printable import printable
from malaria.records.rows import Reading

LONGEST_TEXT: Final = 200
"""Most characters kept of a text from outside: a broker may describe itself at any length."""

type Readings = Mapping[str, Reading]


class LostError(Exception):
    """The observed thing cannot be read now. The text is the reason, for people; the next sample tries again.

    `readings` is what became known with the loss; it is recorded just before the gap.
    """

    def __init__(self, reason: str, readings: Readings = MappingProxyType({})) -> None:
        super().__init__(reason)
        self.readings = readings


class Observer(Protocol):
    """One observed thing. `name` is the name of its rows; `about` describes what it observes, without secrets."""

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> str: ...

    def start(self) -> None:
        """Prepare for the first sample. After a LostError it is called again before the next sample."""
        ...

    def sample(self, now_ns: int) -> Readings:
        """Read the current values; empty if nothing is new. `now_ns` is of a monotonic clock. Raises LostError."""
        ...

    def stop(self) -> None: ...


@runtime_checkable
class CountingObserver(Protocol):
    """An observer of counters: a sample taken after the load covers all of the load."""

    def outstanding_ns(self, since_ns: int) -> int:
        """Return how long the first update from after `since_ns` may still take; 0 if it came or is not expected."""
        ...


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """Make a text from outside safe to store and show: one line, printable, at most `longest` characters."""
    return printable(text[:longest].strip()) + ("…" if len(text) > longest else "")


def unforeseen_failure(error: Exception) -> str:
    """Return the reason of a gap for an exception that is not a LostError."""
    return clean(f"it failed: {type(error).__name__}: {error}")
