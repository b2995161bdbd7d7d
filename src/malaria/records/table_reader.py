"""Reads one table of a database that may be damaged: every row that is sound, and the count of the others.

The tables of a run are only ever added to, so their row ids count from 1 without holes: a row id that is missing is a
row that is lost. Where a page of the file is damaged, SQLite stops at it: the rows behind it are read from the end, and
those between are looked up one by one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from malaria.records.damage import FILE_ITSELF, TableDamage
from malaria.records.stored_rows import TableRow
from malaria.records.stored_values import in_words

HOLES: Final = "row ids are missing"
"""The reason where SQLite gives none."""
MOST_LOOKED_UP: Final = 20_000
"""Row ids that are looked up one by one, behind a damaged page."""
LEAST_BYTES_OF_ROW: Final = 4

type RawRow = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SoundRows[Row: TableRow]:
    """The sound rows of a table by row id, ascending; the row ids of the others as far as they are known.

    `open_end` says that there may be more rows behind the last.
    """

    rows: dict[int, Row]
    lost: frozenset[int] = frozenset()
    open_end: bool = False
    damage: TableDamage | None = None


@dataclass(slots=True)
class _Scan:
    """The rows as SQLite gives them. `fault` is its first error; `open_end` says that it may have hidden others."""

    rows: dict[int, RawRow] = field(default_factory=dict)
    fault: str = ""
    open_end: bool = False


def read_table[Row: TableRow](database: sqlite3.Connection, table: str, model: type[Row]) -> SoundRows[Row]:
    """Return the rows of a table that fit its model."""
    columns = tuple(model.model_fields)
    scan = _scan(database, f"SELECT rowid, {', '.join(columns)} FROM {table}")
    sound: dict[int, Row] = {}
    reasons = [scan.fault] if scan.fault else []
    for row_id in sorted(scan.rows):
        try:
            sound[row_id] = model.model_validate(dict(zip(columns, scan.rows[row_id], strict=True)))
        except ValidationError as error:
            reasons.append(f"{table} {row_id}: {in_words(error)}")
    if scan.open_end or _is_implausible(database, max(scan.rows, default=0)):
        return SoundRows(sound, _missing(sound, scan.rows), True, TableDamage(table, reasons[0] if reasons else HOLES))
    lost = _missing(sound, range(1, max(scan.rows, default=0) + 1))
    if not lost:
        return SoundRows(sound)
    damage = TableDamage(table, reasons[0] if reasons else HOLES, len(lost), len(sound) + len(lost))
    return SoundRows(sound, lost, damage=damage)


def _missing(sound: Mapping[int, TableRow], all_ids: Iterable[int]) -> frozenset[int]:
    return frozenset(row_id for row_id in all_ids if row_id not in sound)


def _is_implausible(database: sqlite3.Connection, rows: int) -> bool:
    """Return True for more rows than the file can hold: a row id itself is damaged."""
    (pages,), (page_bytes,) = (database.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return bool(rows > pages * page_bytes // LEAST_BYTES_OF_ROW)


def _scan(database: sqlite3.Connection, select: str) -> _Scan:
    scan = _Scan()
    scan.fault = _take(database, f"{select} ORDER BY rowid", scan.rows)
    if not scan.fault:
        return scan
    last = max(scan.rows, default=0)
    behind: dict[int, RawRow] = {}
    _take(database, f"{select} ORDER BY rowid DESC", behind)
    behind = {row_id: row for row_id, row in behind.items() if row_id > last}
    scan.open_end = not behind
    end = min(min(behind, default=last + MOST_LOOKED_UP), last + MOST_LOOKED_UP)
    for row_id in range(last + 1, end):
        _take(database, f"{select} WHERE rowid = {row_id}", scan.rows)
    scan.rows |= behind
    return scan


def _take(database: sqlite3.Connection, select: str, rows: dict[int, RawRow]) -> str:
    """Add the rows of a query until SQLite fails; return its error, empty for none."""
    try:
        for row_id, *values in database.execute(select):
            rows[row_id] = tuple(values)
    except (sqlite3.Error, OverflowError) as error:
        return str(error)
    return ""


def check_file(database: sqlite3.Connection, tables: Iterable[str]) -> list[TableDamage]:
    """Return what SQLite's own check finds: rows behind a damaged page may be missing without any error.

    Where the file fails and none of these tables does, the damage is that of the file itself.
    """
    problem = _problem(database, "PRAGMA quick_check")
    if not problem:
        return []
    hit = [table for table in tables if _problem(database, f"PRAGMA quick_check({table})")]
    return [TableDamage(table, problem) for table in hit or (FILE_ITSELF,)]


def _problem(database: sqlite3.Connection, check: str) -> str:
    """Return the first problem that a check finds; empty for none."""
    try:
        found = str(database.execute(check).fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
    return "" if found == "ok" else found.replace("*** in database main ***\n", "")
