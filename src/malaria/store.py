"""The run directory: written as the run goes, readable whatever happened to its writer.

`run.db` is an SQLite file. Samples and events are appended and committed about once a second, so that a killed process
loses a second at most; a full disk loses what did not fit, and says how much. The writer never raises while a run is on.

Format version and its history:
1  meta(key, value JSON), sample(worker, start_ns, end_ns, phase, counters JSON, gauges JSON),
   histogram(sample, metric, packed), event(at_ns, kind, text, worker, count), ledger(one row of JSON)
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from malaria.errors import RunError
from malaria.records import Event, EventKind, LedgerTotals, Phase, RunRecords, Sample

FORMAT: Final = 1
FILE: Final = "run.db"
PENDING_ROWS: Final = 20_000
"""Rows kept in memory while the disk takes nothing: hours of samples. What does not fit is counted."""

_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sample (id INTEGER PRIMARY KEY, worker TEXT NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
                     phase TEXT NOT NULL, counters TEXT NOT NULL, gauges TEXT NOT NULL);
CREATE TABLE histogram (sample INTEGER NOT NULL, metric TEXT NOT NULL, packed BLOB NOT NULL);
CREATE TABLE event (at_ns INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, worker TEXT NOT NULL,
                    count INTEGER NOT NULL);
CREATE TABLE ledger (totals TEXT NOT NULL);
"""

type _Row = Sample | Event | LedgerTotals | tuple[str, object]


class RunWriter:
    """Writes one run. Rows are kept until a commit has taken them; failures are counted, not raised."""

    def __init__(self, directory: Path, database: sqlite3.Connection) -> None:
        self.directory = directory
        self.failures = 0  # commits that the disk refused
        self.first_failure = ""
        self.forgotten = 0  # rows that could not be kept until the disk took them
        self._database = database
        self._pending: list[_Row] = []

    @classmethod
    def create(cls, directory: Path) -> RunWriter:
        """A new run. Raises RunError when the directory cannot be made or holds a run already."""
        path = directory / FILE
        if path.exists():
            raise RunError(f"{directory} holds a run already", "give another directory with -o, or move that one away")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(path, isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.executescript(_SCHEMA)
            database.execute("INSERT INTO meta VALUES ('format', ?)", (json.dumps(FORMAT),))
        except (OSError, sqlite3.Error) as error:
            raise RunError(f"cannot write a run to {directory}: {error}", "choose another place with -o") from None
        return cls(directory, database)

    def meta(self, key: str, value: object) -> None:
        """Sets a fact; the last word counts. `value` must be JSON."""
        self._keep((key, value))

    def append(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            self._keep(sample)

    def event(self, event: Event) -> None:
        self._keep(event)

    def ledger(self, totals: LedgerTotals) -> None:
        self._keep(totals)

    def commit(self) -> bool:
        """Hands what is pending to the disk; False when it did not take it (it is tried again next time)."""
        try:
            self._database.execute("BEGIN")
            for row in self._pending:
                _insert(self._database, row)
            self._database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._note_failure(error)
            return False
        self._pending.clear()
        return True

    def seal(self) -> None:
        """The run is complete: one file, nothing beside it."""
        self.meta("sealed", True)
        if self.commit():
            try:
                self._database.execute("PRAGMA journal_mode=DELETE")
            except sqlite3.Error as error:
                self._note_failure(error)
        self._database.close()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.seal()

    def _keep(self, row: _Row) -> None:
        if len(self._pending) < PENDING_ROWS:
            self._pending.append(row)
        else:
            self.forgotten += 1

    def _note_failure(self, error: Exception) -> None:
        self.failures += 1
        self.first_failure = self.first_failure or str(error)
        if self._database.in_transaction:
            try:
                self._database.execute("ROLLBACK")
            except sqlite3.Error:
                pass  # SQLite has rolled back by itself


def _insert(database: sqlite3.Connection, row: _Row) -> None:
    match row:
        case Sample():
            cursor = database.execute(
                "INSERT INTO sample (worker, start_ns, end_ns, phase, counters, gauges) VALUES (?, ?, ?, ?, ?, ?)",
                (row.worker, row.start_ns, row.end_ns, row.phase, _json(row.counters), _json(row.gauges)),
            )
            packed = [(cursor.lastrowid, metric, data) for metric, data in row.histograms.items()]
            database.executemany("INSERT INTO histogram VALUES (?, ?, ?)", packed)
        case Event():
            fields = (row.at_ns, row.kind, row.text, row.worker, row.count)
            database.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", fields)
        case LedgerTotals():
            database.execute("DELETE FROM ledger")
            database.execute("INSERT INTO ledger VALUES (?)", (json.dumps(asdict(row)),))
        case (key, value):
            database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))


def _json(values: Mapping[str, int]) -> str:
    return json.dumps(dict(values), separators=(",", ":"))


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One line of the list of runs."""

    directory: Path
    started: str
    title: str
    target: str
    outcome: str | None


def open_run(directory: Path) -> RunRecords:
    """Everything that a run holds: sealed, still running, killed, or on a read-only disk.

    Raises RunError for what is no run, was written by a newer version, or holds something else than it should.
    """
    path = directory / FILE
    if not path.is_file():
        raise RunError(f"{directory} holds no run", "name a directory with a run.db; malaria runs lists them")
    try:
        database = _open_for_reading(path)
        try:
            return _read(database, directory)
        finally:
            database.close()
    except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"{path} cannot be read: {error}", "it is damaged, or no run of malaria's") from None


def _open_for_reading(path: Path) -> sqlite3.Connection:
    """A killed run's WAL is replayed where the directory can be written; elsewhere what was checkpointed is read."""
    quoted = path.resolve().as_uri()
    try:
        database = sqlite3.connect(f"{quoted}?mode=ro", uri=True)
        database.execute("SELECT 1 FROM meta").fetchall()
    except sqlite3.Error:
        database = sqlite3.connect(f"{quoted}?mode=ro&immutable=1", uri=True)
    return database


def _read(database: sqlite3.Connection, directory: Path) -> RunRecords:
    meta = {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM meta")}
    if not isinstance(meta.get("format"), int) or meta["format"] > FORMAT:
        raise RunError(
            f"{directory} has format {meta.get('format')}; this version reads up to {FORMAT}", "use a newer malaria"
        )
    ledger = database.execute("SELECT totals FROM ledger").fetchone()
    return RunRecords(
        meta=meta,
        samples=tuple(_read_samples(database)),
        events=tuple(
            Event(int(at), EventKind(kind), str(text), str(worker), int(count))
            for at, kind, text, worker, count in database.execute(
                "SELECT at_ns, kind, text, worker, count FROM event ORDER BY at_ns, rowid"
            )
        ),
        ledger=None if ledger is None else _totals(json.loads(ledger[0])),
    )


def _read_samples(database: sqlite3.Connection) -> list[Sample]:
    packed: dict[int, dict[str, bytes]] = {}
    for sample, metric, data in database.execute("SELECT sample, metric, packed FROM histogram"):
        packed.setdefault(sample, {})[str(metric)] = bytes(data)
    rows = database.execute("SELECT id, worker, start_ns, end_ns, phase, counters, gauges FROM sample ORDER BY id")
    return [
        Sample(str(worker), int(start), int(end), Phase(phase), _ints(counters), _ints(gauges), packed.get(number, {}))
        for number, worker, start, end, phase, counters, gauges in rows
    ]


def _ints(text: str) -> dict[str, int]:
    return {str(key): int(value) for key, value in json.loads(text).items()}


def _totals(values: dict[str, Any]) -> LedgerTotals:
    notes = tuple(map(str, values.pop("notes", ())))
    return LedgerTotals(**{key: None if value is None else int(value) for key, value in values.items()}, notes=notes)


def list_runs(root: Path) -> list[RunEntry]:
    """The runs below a directory, newest first. What cannot be read is listed as such."""
    entries = [_entry(path.parent) for path in root.glob(f"**/{FILE}")] if root.is_dir() else []
    return sorted(entries, key=lambda entry: entry.started, reverse=True)


def _entry(directory: Path) -> RunEntry:
    try:
        database = _open_for_reading(directory / FILE)
        try:
            meta = {key: json.loads(value) for key, value in database.execute("SELECT key, value FROM meta")}
        finally:
            database.close()
    except (sqlite3.Error, ValueError):
        return RunEntry(directory, "", "cannot be read", "", None)
    title, target, started = (str(meta.get(key, "")) for key in ("title", "target", "started"))
    return RunEntry(directory, started, title, target, _outcome(directory))


def _outcome(directory: Path) -> str | None:
    try:
        outcome = json.loads((directory / "summary.json").read_text())["verdict"]["outcome"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(outcome)
