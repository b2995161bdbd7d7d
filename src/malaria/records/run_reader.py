"""Reads the tables of a run as far as they are sound, and notes what is lost."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from typing import Final

from malaria.records.damage import FILE_ITSELF, RunDamage, TableDamage
from malaria.records.rows import LOST_HISTOGRAMS, Event, LedgerTotals, Observation, Sample
from malaria.records.stored_rows import EventRow, HistogramRow, LedgerRow, ObservationRow, SampleRow, TableRow
from malaria.records.table_reader import SoundRows, check_file, read_table

META: Final = "meta"
_TABLES: Final = {
    1: ("meta", "sample", "histogram", "event", "ledger"),
    2: ("meta", "sample", "histogram", "event", "ledger", "observation"),
}
"""By format."""


def table_names(database: sqlite3.Connection) -> set[str]:
    """Return the names of the tables. A view is not among them: it might compute for ever."""
    return {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


class RunReader:
    """The tables of one run, each read once; notes what is lost of each."""

    def __init__(self, database: sqlite3.Connection, version: int) -> None:
        self._database = database
        self._tables = _TABLES[version]
        self._names = table_names(database)
        self._damage: list[TableDamage] = []

    def samples(self) -> tuple[Sample, ...]:
        """Return the samples. One that lacks a histogram has none but the mark `LOST_HISTOGRAMS`."""
        found = self._read("sample", SampleRow)
        histograms = self._read("histogram", HistogramRow)
        packed: dict[int, dict[str, bytes]] = {}
        for row in histograms.rows.values():
            packed.setdefault(row.sample, {})[row.metric] = row.packed
        damaged = _samples_around(histograms, max(found.rows, default=0))
        lost = {LOST_HISTOGRAMS: b""}
        return tuple(
            row.with_histograms(lost if number in damaged else packed.get(number, {}))
            for number, row in found.rows.items()
        )

    def events(self) -> tuple[Event, ...]:
        """Return the events in order of time."""
        found = [row.event() for row in self._read("event", EventRow).rows.values()]
        return tuple(sorted(found, key=lambda event: event.at_ns))

    def observations(self) -> tuple[Observation, ...]:
        """Return what observers saw, in order of time; nothing in format 1."""
        found = [row.observation() for row in self._read("observation", ObservationRow).rows.values()]
        return tuple(sorted(found, key=lambda row: row.at_ns))

    def ledger(self) -> LedgerTotals | None:
        """Return the account of messages, if there is one."""
        found = self._read("ledger", LedgerRow).rows.values()
        return next((row.totals for row in found), None)

    def all_damage(self, facts: TableDamage | None) -> RunDamage:
        """Return what is lost of the tables that were read, of the facts, and of the file itself."""
        known = [facts] if facts is not None else []
        known += self._damage
        hit = {part.table for part in known}
        unseen = [part for part in check_file(self._database, self._tables) if part.table not in hit]
        if hit:  # the file as a whole says nothing new
            unseen = [part for part in unseen if part.table != FILE_ITSELF]
        return RunDamage(tuple(known + unseen))

    def _read[Row: TableRow](self, table: str, model: type[Row]) -> SoundRows[Row]:
        if table not in self._tables:
            return SoundRows({})
        if table not in self._names:
            found: SoundRows[Row] = SoundRows(
                {}, open_end=True, damage=TableDamage(table, f"it lacks the table {table}")
            )
        else:
            found = read_table(self._database, table, model)
        if found.damage is not None:
            self._damage.append(found.damage)
        return found


def _samples_around(histograms: SoundRows[HistogramRow], last: int) -> set[int]:
    """Return the samples that may lack a histogram: those of the rows before and behind each lost one, and between."""
    owners = {row_id: row.sample for row_id, row in histograms.rows.items()}
    known = sorted(owners)
    hit: set[int] = set()
    for row_id in histograms.lost:
        place = bisect_left(known, row_id)
        first = owners[known[place - 1]] if place else 1
        end = owners[known[place]] if place < len(known) else last
        hit.update(range(first, min(end, last) + 1))
    if histograms.open_end:
        hit.update(range(owners[known[-1]] if known else 1, last + 1))
    return hit
