"""Divide a file of keys among bees: each bee gets the lines of its own clients, and no other lines.

Client i of a group is made by bee `i mod n` and takes line `first_key + i`. So the lines are dealt like cards: the line
at which a group begins goes to bee 0, the next one to bee 1, and so on. Where another group begins (a `start`), dealing
begins anew with bee 0. The lines from one start to the next are a run.

The first line of a part's file says which lines of the whole file it has. With it a worker finds the line of a client
without the other parts.

Promises: the parts together have every line once, for any starts. `misplaced` finds a group whose clients would need a
line that another bee has, before anything is sent.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from malaria.schedule.share import Share

_HEADING: Final = re.compile(
    r"# malaria: part (\d{1,7}) of (\d{1,7}) of (\d{1,10}) lines, "
    r"turns begin at ((?:\d{1,10}[+])*\d{1,10}), of file ([0-9a-f]{16})"
)


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One part of a file of keys: part `number` (from 0) of `parts`.

    `lines` counts the lines of the whole file, and `file` identifies it. `starts` are the lines at which dealing begins
    anew: ascending, the first is 0. Lines are counted from 0. Raises ValueError for numbers that do not fit together.
    """

    number: int
    parts: int
    lines: int
    starts: tuple[int, ...]
    file: str

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.parts or self.starts[0] != 0 or list(self.starts) != sorted(set(self.starts)):
            raise ValueError(f"no part: {self}")

    @property
    def heading(self) -> str:
        """Return the first line of the part's file; `read_heading` reads it."""
        starts = "+".join(map(str, self.starts))
        return (
            f"# malaria: part {self.number + 1} of {self.parts} of {self.lines} lines, turns begin at {starts}, "
            f"of file {self.file}"
        )

    @property
    def count(self) -> int:
        """Return the number of lines in this part."""
        return sum(self._share.count(end - start) for start, end in self._runs())

    def members(self) -> list[int]:
        """Return the lines of this part, ascending, counted from 0 in the whole file."""
        return [start + index for start, end in self._runs() for index in self._share.members(end - start).tolist()]

    def owner_of(self, line: int) -> int:
        """Return the number of the part that holds a line of the whole file."""
        return (line - self._start_of(line)) % self.parts

    def place_of(self, line: int) -> int:
        """Return the position in this part of a line of the whole file. Raises KeyError if another part has it."""
        if not 0 <= line < self.lines or self.owner_of(line) != self.number:
            raise KeyError(line)
        start = self._start_of(line)
        # the part holds its lines of all earlier runs first
        before = sum(self._share.count(end - first) for first, end in self._runs() if end <= start)
        return before + self._share.count(line - start)

    def _start_of(self, line: int) -> int:
        """Return the start of the run that a line belongs to."""
        return self.starts[bisect_right(self.starts, line) - 1]

    def _runs(self) -> list[tuple[int, int]]:
        """Return the first line of each run and the line after its last."""
        return [(start, end) for start, end in pairwise((*(s for s in self.starts if s < self.lines), self.lines))]

    @property
    def _share(self) -> Share:
        return Share(self.number, self.number + 1, self.parts)


def read_heading(line: str) -> KeyPart | None:
    """Read the first line of a file. Return None if the file is not a part."""
    found = _HEADING.fullmatch(line.strip())
    if found is None:
        return None
    starts = tuple(int(start) for start in found[4].split("+"))
    try:
        return KeyPart(int(found[1]) - 1, int(found[2]), int(found[3]), starts, found[5])
    except ValueError:
        return None


def parts_of(lines: int, parts: int, starts: Iterable[int], file: str) -> tuple[KeyPart, ...]:
    """Make all parts of a file. `starts` are the lines at which groups begin; 0 always counts."""
    # lines before the first group are dealt too
    where = tuple(sorted({0, *starts}))
    return tuple(KeyPart(number, parts, lines, where, file) for number in range(parts))


@dataclass(frozen=True, slots=True)
class Claim:
    """The lines that a group needs: its client i takes line `first + i`."""

    group: str
    first: int
    clients: int


def misplaced(claims: Sequence[Claim], parts: int, starts: Iterable[int]) -> Claim | None:
    """Return the first group that needs a line of another bee, or None."""
    where = sorted({0, *starts})
    return next((claim for claim in claims if not _fits(claim, parts, where)), None)


def _fits(claim: Claim, parts: int, starts: Sequence[int]) -> bool:
    """Tell whether each client's line goes to the bee that makes the client.

    Dealing begins with bee 0 at the group's first client. It still fits after another start if that lies a whole number
    of rounds, of `parts` lines each, further on.
    """
    last = claim.first + claim.clients - 1
    reaching = [
        start for start, end in pairwise((*starts, last + 1)) if start <= last and max(end, start + 1) > claim.first
    ]
    return all((start - claim.first) % parts == 0 for start in reaching)
