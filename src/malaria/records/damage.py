"""Says what of a stored run could not be read: rows, by table.

A damaged run is shown as far as it is sound. Rows that cannot be read are left out and counted here; figures that stand
on them are unknown (`malaria.analysis.lost_figures`), and the verdict is UNKNOWN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.units import format_count, format_things

FILE_ITSELF: Final = "file"
"""Stands for the name of a table where SQLite's check of the file fails, and no table is known to be hit."""
UNKNOWN_FACT: Final = "?"
"""Stands for the name of a fact that cannot be read itself."""

_NOUNS: Final = {
    "sample": "sample", "histogram": "histogram", "event": "event", "observation": "reading of an observer",
    "ledger": "account of messages", "meta": "fact",
}  # fmt: skip
_PLURALS: Final = {"observation": "readings of observers", "ledger": "accounts of messages"}


@dataclass(frozen=True, slots=True)
class TableDamage:
    """Rows of one table that could not be read: `lost` of `rows`; None where the number cannot be known.

    `reason` is the first fault. `facts` names the facts that were lost, for the table `meta`.
    """

    table: str
    reason: str
    lost: int | None = None
    rows: int | None = None
    facts: frozenset[str] = frozenset()

    def in_words(self) -> str:
        """Return `3 of 120 samples`, `1 event` or `an unknown number of histograms`."""
        noun = _NOUNS[self.table]
        plural = _PLURALS.get(self.table, f"{noun}s")
        if self.lost is None:
            return f"an unknown number of {plural}"
        if self.rows is None or self.rows == 1:
            return format_things(self.lost, noun) if self.lost == 1 else f"{format_count(self.lost)} {plural}"
        return f"{format_count(self.lost)} of {format_count(self.rows)} {plural}"


@dataclass(frozen=True, slots=True)
class RunDamage:
    """All damage of a run, in the order of the tables. It is false for a sound run."""

    tables: tuple[TableDamage, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tables)

    def hits(self, *tables: str) -> bool:
        """Return True when rows of one of these tables may be lost. Damage of the file itself may hit every table."""
        return any(part.table in (*tables, FILE_ITSELF) for part in self.tables)

    @property
    def facts(self) -> frozenset[str]:
        """The facts that were lost."""
        return frozenset(fact for part in self.tables for fact in part.facts)

    @property
    def sentence(self) -> str:
        """Return `run.db is damaged: 3 of 120 samples and 1 event could not be read`."""
        lost = [part.in_words() for part in self.tables if part.table != FILE_ITSELF]
        if not lost:
            return "run.db is damaged: SQLite's check of the file fails"
        listed = " and ".join([", ".join(lost[:-1]), lost[-1]] if len(lost) > 1 else lost)
        return f"run.db is damaged: {listed} could not be read"

    @property
    def reason(self) -> str:
        """Return the first fault that was found."""
        return self.tables[0].reason if self.tables else ""


SOUND: Final = RunDamage()
"""The damage of a run that lacks nothing."""
