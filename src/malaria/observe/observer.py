"""What every observer of the target side is: it is started, asked for a sample now and then, and stopped.

Promises of an observer: `start` and `sample` return or raise within a few seconds, whatever the other side does; what
cannot be read is a `LostError` with a reason in words; `stop` may be called after anything, twice too. All three are
called from one thread of the observer's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol, runtime_checkable

from malaria.records.rows import Reading

LONGEST_TEXT: Final = 200
"""Characters of a text that is kept: what a broker says about itself may be of any length."""

type Readings = Mapping[str, Reading]


class LostError(Exception):
    """What is observed cannot be read now. The text is the reason, for people; the next sample tries again."""


class Observer(Protocol):
    """One thing that is watched. `name` is that of its rows, `about` says what it watches, without secrets."""

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> str: ...

    def start(self) -> None:
        """Raises LostError; it is called again before the next sample then."""
        ...

    def sample(self, now_ns: int) -> Readings:
        """What there is to read now; empty when nothing is new. `now_ns` is of a monotonic clock. Raises LostError."""
        ...

    def stop(self) -> None: ...


@runtime_checkable
class CountingObserver(Protocol):
    """An observer of what the other side counts: its last word, from after the load, has the whole of it."""

    def outstanding_ns(self, since_ns: int) -> int:
        """How long the next word may yet take that covers the time up to `since_ns`; 0: it is there, or not awaited."""
        ...


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """A text from outside as it may be stored and shown: of one line, printable, not too long."""
    kept = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:longest].strip())
    return kept + ("…" if len(text) > longest else "")
