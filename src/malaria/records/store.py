"""The run directory: written as the run goes, readable whatever happened to its writer.

`run.db` is an SQLite file in write-ahead mode. Samples and events are appended and committed about once a second, so
that a killed process loses a second at most. A full disk never ends a run: what it refuses waits in memory for the next
commit, up to `PENDING_ROWS`, and what does not fit is counted. A sealed run is one file that can be copied.

Promises for reading: a run directory may come from anywhere; whatever it holds gives a `Run` or a `RunError`. Of a
damaged run everything that is sound is read, and `Run.damage` says what is missing; only a file that is no database, or
has no `meta` with a format, is a `RunError`.

Format version and its history (docs/run-format.md):
1  meta(key, value JSON), sample(worker, start_ns, end_ns, phase, counters JSON, gauges JSON),
   histogram(sample, metric, packed), event(at_ns, kind, text, worker, count), ledger(one row of JSON)
2  observation(at_ns, observer, readings JSON); events of kinds "observer" and "broker"
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from malaria.errors import OperatorError, RunError
from malaria.input_file import read_input_text
from malaria.records.damage import TableDamage
from malaria.records.lost_records import apart_from_lost
from malaria.records.perf_profile import FILE as PROFILE_FILE
from malaria.records.perf_profile import Profile, profile_from_json
from malaria.records.rows import Event, LedgerTotals, Observation, Sample, storable
from malaria.records.run import Run
from malaria.records.run_meta import DiskFacts, RunMeta
from malaria.records.run_reader import META, RunReader, table_names
from malaria.records.stored_facts import checked_facts, read_facts

FORMAT: Final = 2
FILE: Final = "run.db"
PENDING_ROWS: Final = 20_000
"""Samples, events and observations kept while the disk takes nothing: most of an hour with eight workers."""

_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sample (id INTEGER PRIMARY KEY, worker TEXT NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
                     phase TEXT NOT NULL, counters TEXT NOT NULL, gauges TEXT NOT NULL);
CREATE TABLE histogram (sample INTEGER NOT NULL, metric TEXT NOT NULL, packed BLOB NOT NULL);
CREATE TABLE event (at_ns INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, worker TEXT NOT NULL,
                    count INTEGER NOT NULL);
CREATE TABLE ledger (totals TEXT NOT NULL);
CREATE TABLE observation (at_ns INTEGER NOT NULL, observer TEXT NOT NULL, readings TEXT NOT NULL);
"""
LARGEST_SUMMARY_BYTES: Final = 10**8
_HEADER_BYTES: Final = 100
DAMAGED: Final = "it is damaged, or no run of malaria's"
UNKNOWN: Final = "UNKNOWN"
"""The outcome of a run of which facts are lost, whatever its summary says."""

type StoredRow = Sample | Event | Observation


class RunWriter:
    """The writer of one run. Once created it raises nothing for the disk: `failures` and `forgotten` count instead."""

    def __init__(self, directory: Path, database: sqlite3.Connection) -> None:
        self.directory = directory
        self.failures = 0  # commits that the disk refused
        self.first_failure = ""
        self.forgotten = 0  # rows that could not be kept until the disk took them
        self._database = database
        self._facts: dict[str, str] = {}  # the last word on a key is all that has to wait
        self._rows: list[StoredRow] = []
        self._totals: LedgerTotals | None = None
        self._sealed = False

    @classmethod
    def create(cls, directory: Path) -> RunWriter:
        """Create a run. Raises OperatorError when the directory cannot be written or holds a run already."""
        path = directory / FILE
        try:
            directory.mkdir(parents=True, exist_ok=True)
            path.open("xb").close()  # of two commands at the same moment one fails here, and touches nothing
            return cls(directory, _create_database(path))
        except FileExistsError:
            remedy = "give another directory with -o, or move that one away"
            raise RunError(f"{directory} holds a run already", remedy) from None
        except (OSError, sqlite3.Error) as error:
            remedy = "look at its permissions and at the space left on the disk, or choose another place with -o"
            raise OperatorError(f"cannot write a run to {directory}: {error}", remedy) from None

    @classmethod
    def reopen(cls, directory: Path) -> RunWriter:
        """Open a stored run to add to it. Raises RunError for a directory without a run of this format."""
        with _reading(directory) as database:
            version = _read_meta(database, directory)[0].format
        if version != FORMAT:
            raise RunError(f"{directory} has format {version}, and nothing can be added to it", "make the run again")
        try:
            database = sqlite3.connect(directory / FILE, isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")
        except sqlite3.Error as error:
            raise RunError(f"{directory} cannot be added to: {error}", "may it be written?") from None
        return cls(directory, database)

    def describe(self, facts: RunMeta) -> None:
        """Store the facts that are known; each replaces what was stored of it before."""
        self._facts |= {key: json.dumps(value, allow_nan=False) for key, value in facts.known().items()}

    def append(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            self._keep(sample)

    def event(self, event: Event) -> None:
        self._keep(event)

    def observe(self, observation: Observation) -> None:
        """Store a row of an observer. NaN and numbers beyond 64 bits are stored as unknown."""
        self._keep(observation)

    def ledger(self, totals: LedgerTotals) -> None:
        """Store the account so far; a later one replaces it."""
        self._totals = totals

    def commit(self) -> bool:
        """Write what is pending to the disk. Return False when it did not take it; the next commit tries again."""
        try:
            self._database.execute("BEGIN")
            self._insert_pending()
            self._database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._note_failure(error)
            return False
        self._facts.clear()
        self._rows.clear()
        self._totals = None
        return True

    def seal(self) -> None:
        """Complete the run: one file, and no log beside it. A second call has no effect."""
        if self._sealed:
            return
        self._sealed = True
        try:
            if self.commit():
                self._database.execute("PRAGMA journal_mode=DELETE")
        except (sqlite3.Error, OSError) as error:
            self._note_failure(error)
        finally:
            with suppress(sqlite3.Error):  # the rest of the log stays beside the file, and is read from there
                self._database.close()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.seal()

    def _keep(self, row: StoredRow) -> None:
        if len(self._rows) < PENDING_ROWS:
            self._rows.append(row)
        else:
            self.forgotten += 1

    def _insert_pending(self) -> None:
        if self.failures:
            trouble = DiskFacts(failures=self.failures, first=self.first_failure, forgotten_rows=self.forgotten)
            self.describe(RunMeta(disk_trouble=trouble))
        self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", self._facts.items())
        for row in self._rows:
            _insert(self._database, row)
        if self._totals is not None:
            self._database.execute("DELETE FROM ledger")
            self._database.execute("INSERT INTO ledger VALUES (?)", (json.dumps(asdict(self._totals)),))

    def _note_failure(self, error: Exception) -> None:
        self.failures += 1
        self.first_failure = self.first_failure or str(error)
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            self._database.execute("ROLLBACK")


def _create_database(path: Path) -> sqlite3.Connection:
    """Make the tables in an empty file. When that fails the file and its logs are removed."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode=WAL")  # one sequential write a second, and readers need not wait
        database.execute("PRAGMA synchronous=NORMAL")  # a killed process loses nothing; only a power cut may
        database.executescript(f"BEGIN; {_SCHEMA} INSERT INTO meta VALUES ('format', '{FORMAT}'); COMMIT;")
    except sqlite3.Error:
        database.close()
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
        raise
    return database


def _insert(database: sqlite3.Connection, row: StoredRow) -> None:
    if isinstance(row, Event):
        values = (row.at_ns, row.kind, _storable(row.text), row.worker, row.count)
        database.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", values)
        return
    if isinstance(row, Observation):
        readings = json.dumps({key: storable(value) for key, value in row.values.items()}, separators=(",", ":"))
        database.execute("INSERT INTO observation VALUES (?, ?, ?)", (row.at_ns, _storable(row.observer), readings))
        return
    cursor = database.execute(
        "INSERT INTO sample (worker, start_ns, end_ns, phase, counters, gauges) VALUES (?, ?, ?, ?, ?, ?)",
        (row.worker, row.start_ns, row.end_ns, row.phase, _compact(row.counters), _compact(row.gauges)),
    )
    packed = [(cursor.lastrowid, metric, data) for metric, data in row.histograms.items()]
    database.executemany("INSERT INTO histogram VALUES (?, ?, ?)", packed)


def _storable(text: str) -> str:
    """Spell out lone surrogates, which a file name that is not UTF-8 brings and SQLite refuses."""
    return text.encode(errors="backslashreplace").decode()


def _compact(values: Mapping[str, int]) -> str:
    return json.dumps(dict(values), separators=(",", ":"))


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One line of the list of runs. `outcome` and the figures are None where no summary has them."""

    directory: Path
    started: str
    title: str
    target: str
    outcome: str | None
    clients: float | None = None
    per_s: float | None = None
    ack_p99_ms: float | None = None
    lost: float | None = None


def open_run(directory: Path) -> Run:
    """Read everything that is sound of a run: sealed, still running, killed, damaged, or on a disk that is read-only.

    Raises RunError for a directory without a run, a run of a newer version, and a file with nothing that can be read.
    """
    with _reading(directory) as database:
        meta, damage = _read_meta(database, directory)
        meta, profile = _with_profile(meta, directory)
        reader = RunReader(database, meta.format or FORMAT)
        samples, after_loss = apart_from_lost(reader.samples(), meta.lost_workers)
        return Run(
            meta=meta,
            samples=samples,
            events=reader.events(),
            ledger=reader.ledger(),
            observations=reader.observations(),
            profile=profile,
            damage=reader.all_damage(damage),
            after_loss=after_loss,
        )


def list_runs(root: Path) -> list[RunEntry]:
    """Return the runs below a directory, newest first, unreadable ones included."""
    entries = [_entry(path.parent) for path in root.glob(f"**/{FILE}")] if root.is_dir() else []
    return sorted(entries, key=lambda entry: entry.started, reverse=True)


def _entry(directory: Path) -> RunEntry:
    try:
        with _reading(directory) as database:
            meta, damage = _read_meta(database, directory)
    except RunError as error:
        return RunEntry(directory, "", error.message, "", None)
    summary = stored_summary(directory)
    outcome = UNKNOWN if damage else summary.outcome
    entry = RunEntry(directory, meta.started or "", meta.title or "", meta.target or "", outcome)
    return entry if damage else summary.listed(entry)


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """The target, the outcome and some figures of a stored summary, as far as there is one."""

    target: str = ""
    outcome: str | None = None
    figures: Mapping[str, float | None] = field(default_factory=dict)

    def listed(self, entry: RunEntry) -> RunEntry:
        """Return the entry with these figures."""
        known: dict[str, Any] = dict(self.figures)
        return replace(entry, **known)


def stored_summary(directory: Path) -> StoredVerdict:
    try:
        summary = json.loads(read_input_text(directory / "summary.json", LARGEST_SUMMARY_BYTES))
        outcome = str(summary["verdict"]["outcome"])
        found = {name: _number(summary, path) for name, path in LISTED.items()}
        done = ("acked_per_s", "sent_per_s", "delivered_per_s")
        rates = [rate for name in done if (rate := _number(summary, ("rates", name))) is not None]
        return StoredVerdict(str(summary.get("target") or ""), outcome, found | {"per_s": next(iter(rates), None)})
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return StoredVerdict()


LISTED: Final = {
    "clients": ("clients", "connected_peak"),
    "ack_p99_ms": ("latency_ms", "ack", "p99"),
    "lost": ("messages", "lost"),
}
"""Figures of the list, and where a summary has them."""


def _number(summary: object, path: Sequence[str]) -> float | None:
    for key in path:
        summary = summary.get(key) if isinstance(summary, dict) else None
    return summary if isinstance(summary, int | float) and not isinstance(summary, bool) else None


@contextmanager
def _reading(directory: Path) -> Iterator[sqlite3.Connection]:
    """Open the database for reading; any fault of it, here or in the block, becomes a RunError."""
    path = directory / FILE
    if not path.is_file():
        raise RunError(f"{directory} holds no run", f"name a directory with a {FILE}; malaria runs lists them")
    try:
        with tempfile.TemporaryDirectory(prefix="malaria-") as spare, closing(_connect(path, Path(spare))) as database:
            yield database
    except (sqlite3.Error, OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
            RecursionError) as error:  # fmt: skip
        raise RunError(f"{path} cannot be read: {error}", DAMAGED) from None


def _connect(path: Path, spare: Path) -> sqlite3.Connection:
    """Open the database in place, or else a copy of it.

    A copy is needed where the log of a killed run is on a disk that takes no lock file, and of a file cut short.
    """
    try:
        return _connect_in_place(path)
    except sqlite3.DatabaseError:
        for name in (FILE, f"{FILE}-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(name), spare / name)
        _fit_page_count(spare / FILE)
        return _connect_in_place(spare / FILE)


def _fit_page_count(path: Path) -> None:
    """Let the header of a database that was cut short state the pages that are there: SQLite opens no other.

    (Page size and page count in the file: https://www.sqlite.org/fileformat.html#the_database_header)
    """
    with path.open("r+b") as file:
        header = file.read(_HEADER_BYTES)
        size = int.from_bytes(header[16:18])
        page_bytes = 65536 if size == 1 else size
        pages = path.stat().st_size // page_bytes if page_bytes else 0
        if len(header) == _HEADER_BYTES and pages < int.from_bytes(header[28:32]):
            file.seek(28)
            file.write(pages.to_bytes(4))


def _connect_in_place(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        database.execute("PRAGMA trusted_schema=OFF")
        database.execute("BEGIN")  # one moment of a run that is still being written
        names = table_names(database)
    except sqlite3.Error:
        database.close()
        raise
    if META not in names:
        database.close()
        raise ValueError(f"it lacks the table {META}")
    database.text_factory = _any_text
    return database


def _any_text(raw: bytes) -> str:
    """Decode a text whatever its bytes are: those that are not UTF-8 are refused with their row."""
    return raw.decode(errors="surrogateescape")


def _read_meta(database: sqlite3.Connection, directory: Path) -> tuple[RunMeta, TableDamage | None]:
    """Return the facts that are sound, and what is lost of them. Raises ValueError without a format."""
    stored, lost, reasons = read_facts(database)
    version: Any = stored.get("format")
    if type(version) is not int or version < 1:
        raise ValueError(
            f"its format is {version!r}" if "format" in stored else next(iter(reasons), "it has no format")
        )
    if version > FORMAT:
        message = f"{directory} has format {version}; this version of malaria reads up to {FORMAT}"
        raise RunError(message, "read it with a newer malaria: pip install -U mqtt-malaria")
    meta, refused = checked_facts({key: value for key, value in stored.items() if value is not None})
    lost |= refused.keys()
    if not lost:
        return meta, None
    reason = [*reasons, *refused.values()][0]
    return meta, TableDamage(META, reason, len(lost), len(stored) + len(lost - stored.keys()), frozenset(lost))


def _with_profile(meta: RunMeta, directory: Path) -> tuple[RunMeta, Profile | None]:
    """Return the facts and the recording. A damaged recording becomes a note: the rest of the run is sound."""
    path = directory / PROFILE_FILE
    if not path.is_file():
        return meta, None
    try:
        return meta, profile_from_json(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError) as error:
        notes = (*meta.notes, f"{PROFILE_FILE} cannot be read: {error}")
        return meta.model_copy(update={"notes": notes}), None
