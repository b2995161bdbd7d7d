"""Exact shares of a load: the clients that a worker carries.

Promises: the parts of any split, nested or not, hold every index once; a part is striped over the whole (every n-th
index), so that each worker carries an even slice of what is evenly spread over all. Grafana k6's execution segments
are the model (lib/execution_segment.go).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from malaria.schedule.arrays import Ints


@dataclass(frozen=True, slots=True)
class Share:
    """The indices i with `first <= i % of < last`: the fraction (last - first) / of."""

    first: int
    last: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.last <= self.of:
            raise ValueError(f"no share: {self.first}..{self.last} of {self.of}")

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.last - self.first, self.of)

    def split(self, parts: int) -> tuple[Share, ...]:
        """Split this share into `parts` equal ones. Raises ValueError for less than one part."""
        if parts < 1:
            raise ValueError(f"a share cannot be split into {parts} parts")
        # an index's remainder modulo of * parts is its remainder modulo `of` plus a multiple of `of`, one per part
        return tuple(Share(self.first + n * self.of, self.last + n * self.of, self.of * parts) for n in range(parts))

    def members(self, total: int) -> Ints:
        """Return the indices in 0..total-1 that belong to this share, ascending."""
        starts = np.arange(0, total, self.of, dtype=np.int64)
        stripe = np.arange(self.first, min(self.last, max(total, self.first)), dtype=np.int64)
        indices: Ints = (starts[:, np.newaxis] + stripe).ravel()
        return indices[: np.searchsorted(indices, total)]

    def count(self, total: int) -> int:
        """Return the number of members, without making them."""
        rounds, rest = divmod(total, self.of)
        return rounds * (self.last - self.first) + min(max(rest - self.first, 0), self.last - self.first)

    def __str__(self) -> str:
        return str(self.fraction)


WHOLE: Final = Share(0, 1, 1)
