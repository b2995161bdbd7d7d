"""The run directory: what goes in comes out, and whatever else is there gives a RunError."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from malaria.errors import OperatorError, RunError
from malaria.records import store
from malaria.records.histogram import Histogram
from malaria.records.rows import LOST_HISTOGRAMS, Event, EventKind, LedgerTotals, Observation, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import DiskFacts, RunMeta
from malaria.records.store import FILE, RunWriter, list_runs, open_run
from synthetic import make_run

S = 10**9


def packed(*values_ns: int) -> bytes:
    histogram = Histogram()
    for value_ns in values_ns:
        histogram.record(value_ns)
    return histogram.to_bytes()


SAMPLE = Sample("1", 0, S, RunPhase.MEASURE, {"due": 3}, {"cpu_ns": 7}, {"ack": packed(5000), "lag": packed(7, 9)})
EVENT = Event(5, EventKind.TROUBLE, "connection lost", "1", 3)
SEEN = Observation("process", 7, {"cpu_percent": 71.5, "threads": 1, "name": "mosquitto", "rss_bytes": None})
LEDGER = LedgerTotals(10, 9, 8, None, 6, 5, 4, 3, 2, 1, ("a note",))


def write(directory: Path, records: Run) -> None:
    with RunWriter.create(directory) as writer:
        writer.describe(records.meta)
        writer.append(records.samples)
        for event in records.events:
            writer.event(event)
        for observation in records.observations:
            writer.observe(observation)
        if records.ledger is not None:
            writer.ledger(records.ledger)


def spoil(directory: Path, statement: str, *values: object) -> None:
    database = sqlite3.connect(directory / FILE)
    database.execute(statement, values)
    database.commit()
    database.close()


class FullDisk:
    """A connection that takes nothing while it is full."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.full = False

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if self.full and statement == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return self.database.execute(statement, *values)

    def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
        return self.database.executemany(statement, rows)

    def close(self) -> None:
        self.database.close()


def on_full_disk(directory: Path) -> tuple[RunWriter, FullDisk]:
    writer = RunWriter.create(directory)
    disk = FullDisk(writer._database)
    writer._database = disk  # type: ignore[assignment]
    return writer, disk


# --- round trip ----------------------------------------------------------------------------------------------------


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    records = make_run(seconds=3, clients=60)
    write(tmp_path / "run", records)
    assert open_run(tmp_path / "run") == records


def test_what_observers_saw_comes_out_in_order_of_time(tmp_path: Path) -> None:
    lost = Observation("process", 9, {"gap": "no process 4711"})
    write(tmp_path, Run(RunMeta(), (), (), None, (lost, SEEN)))
    assert open_run(tmp_path).observations == (SEEN, lost)


def test_an_infinite_reading_is_unknown(tmp_path: Path) -> None:
    values = {"a": float("inf"), "b": float("nan"), "c": -1, "d": 2**63 - 1, "e": 10**400, "f": 1e308}
    write(tmp_path, Run(RunMeta(), (), (), None, (Observation("sys", 1, values),)))
    known: dict[str, object] = dict.fromkeys(values) | {"c": -1, "d": 2**63 - 1}
    assert open_run(tmp_path).observations[0].values == known


def test_a_run_of_format_1_has_no_observations(tmp_path: Path) -> None:
    write(tmp_path, Run(RunMeta(), (SAMPLE,), (EVENT,), LEDGER))
    spoil(tmp_path, "DROP TABLE observation")
    spoil(tmp_path, "UPDATE meta SET value = '1' WHERE key = 'format'")
    assert open_run(tmp_path) == Run(RunMeta.model_validate({"format": 1}), (SAMPLE,), (EVENT,), LEDGER)


def test_a_sealed_run_is_one_file_that_can_be_copied(tmp_path: Path) -> None:
    write(tmp_path / "run", Run(RunMeta(), (SAMPLE,), (EVENT,), LEDGER))
    assert [path.name for path in (tmp_path / "run").iterdir()] == [FILE]
    (tmp_path / "copy").mkdir()
    shutil.copyfile(tmp_path / "run" / FILE, tmp_path / "copy" / FILE)
    assert open_run(tmp_path / "copy") == open_run(tmp_path / "run")


def test_the_last_word_counts(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run") as writer:
        for phase in ("one", "two"):
            writer.describe(RunMeta(title=phase))
            writer.ledger(replace(LEDGER, notes=(phase,)))
            writer.commit()
    records = open_run(tmp_path / "run")
    assert records.meta.title == "two"
    assert records.ledger == replace(LEDGER, notes=("two",))


def test_what_is_not_known_is_absent(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run") as writer:
        writer.describe(RunMeta(rate_planned_per_s=None))
    assert open_run(tmp_path / "run") == Run(RunMeta.model_validate({"format": store.FORMAT}), (), (), None)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, Path("x")])
def test_a_fact_that_is_no_json_is_a_bug_of_ours(tmp_path: Path, value: object) -> None:
    with RunWriter.create(tmp_path / "run") as writer, pytest.raises((TypeError, ValueError)):
        writer.describe(RunMeta(title=value))


def test_a_run_is_never_written_over(tmp_path: Path) -> None:
    write(tmp_path / "run", Run(RunMeta(), (), (), None))
    with pytest.raises(OperatorError, match="holds a run already") as caught:
        RunWriter.create(tmp_path / "run")
    assert "-o" in caught.value.remedy


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="cannot write a run") as caught:
        RunWriter.create(tmp_path / "file" / "run")
    assert "-o" in caught.value.remedy


def test_a_run_that_cannot_be_created_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_SCHEMA", "CREATE TABLE meta (key)")  # of which the format cannot be stored
    with pytest.raises(OperatorError, match="cannot write a run"):
        RunWriter.create(tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_of_two_writers_at_the_same_moment_one_is_refused_and_the_other_keeps_its_run(tmp_path: Path) -> None:
    first = RunWriter.create(tmp_path)
    with pytest.raises(OperatorError, match="holds a run already"):
        RunWriter.create(tmp_path)
    first.append([SAMPLE])
    first.seal()
    assert open_run(tmp_path).samples == (SAMPLE,)


# --- running, killed, out of reach ---------------------------------------------------------------------------------


def test_a_running_run_can_be_read(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run") as writer:
        writer.append([SAMPLE])
        writer.commit()
        writer.append([SAMPLE])
        assert open_run(tmp_path / "run").samples == (SAMPLE,)


KILLED = """
import os, signal, sys
from pathlib import Path
from malaria.records.rows import RunPhase, Sample
from malaria.records.store import RunWriter
writer = RunWriter.create(Path(sys.argv[1]))
for second in range(3):
    writer.append([Sample("1", second, second + 1, RunPhase.MEASURE, {"due": 1})])
    writer.commit()
writer.append([Sample("1", 3, 4, RunPhase.MEASURE)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "run")], check=False, timeout=30)
    return tmp_path / "run"


def test_a_killed_writer_loses_only_what_was_not_committed(killed: Path) -> None:
    assert (killed / f"{FILE}-wal").exists()
    assert [sample.end_ns for sample in open_run(killed).samples] == [1, 2, 3]


def test_a_killed_run_is_read_whole_where_nothing_can_be_written(killed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root writes anywhere, so the refusal of a read-only disk is played."""
    in_place = store._connect_in_place

    def refuse(path: Path) -> sqlite3.Connection:
        if path.parent == killed:
            raise sqlite3.OperationalError("unable to open database file")
        return in_place(path)

    monkeypatch.setattr(store, "_connect_in_place", refuse)
    assert [sample.end_ns for sample in open_run(killed).samples] == [1, 2, 3]


def test_reading_leaves_a_read_only_directory_alone(tmp_path: Path) -> None:
    write(tmp_path / "run", Run(RunMeta(), (SAMPLE,), (), None))
    (tmp_path / "run").chmod(0o555)
    before = os.listdir(tmp_path / "run")
    assert open_run(tmp_path / "run").samples == (SAMPLE,)
    assert os.listdir(tmp_path / "run") == before
    (tmp_path / "run").chmod(0o755)


# --- a disk that takes nothing -------------------------------------------------------------------------------------


def test_what_the_disk_refuses_is_written_when_there_is_room_again(tmp_path: Path) -> None:
    writer, disk = on_full_disk(tmp_path / "run")
    disk.full = True
    writer.append([SAMPLE])
    assert not writer.commit()
    assert not writer.commit()
    assert (writer.failures, writer.first_failure) == (2, "database or disk is full")
    disk.full = False
    writer.append([SAMPLE])
    assert writer.commit()
    writer.seal()
    records = open_run(tmp_path / "run")
    assert records.samples == (SAMPLE, SAMPLE)
    assert records.meta.disk_trouble == DiskFacts(failures=2, first="database or disk is full")


def test_what_does_not_fit_in_memory_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PENDING_ROWS", 3)
    writer, disk = on_full_disk(tmp_path / "run")
    disk.full = True
    writer.append([SAMPLE] * 5)
    writer.event(EVENT)
    writer.describe(RunMeta(title="kept"))
    writer.ledger(LEDGER)
    writer.commit()
    disk.full = False
    writer.seal()
    records = open_run(tmp_path / "run")
    assert (len(records.samples), len(records.events), writer.forgotten) == (3, 0, 3)
    assert records.meta.known()["disk_trouble"] == {
        "failures": 1,
        "first": "database or disk is full",
        "forgotten_rows": 3,
    }
    assert (records.meta.title, records.ledger) == ("kept", LEDGER)


def test_a_disk_that_stays_full_raises_nothing(tmp_path: Path) -> None:
    writer, disk = on_full_disk(tmp_path / "run")
    writer.append([SAMPLE])
    writer.commit()
    disk.full = True
    writer.append([SAMPLE])
    writer.seal()
    writer.seal()
    assert writer.failures == 1
    assert open_run(tmp_path / "run").samples == (SAMPLE,)


# --- what others left there ----------------------------------------------------------------------------------------


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        open_run(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_run(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(RunError, match="cannot be read"):
        open_run(tmp_path)


def test_a_newer_run_names_both_versions(tmp_path: Path) -> None:
    write(tmp_path, Run(RunMeta(), (), (), None))
    spoil(tmp_path, "UPDATE meta SET value = '99' WHERE key = 'format'")
    with pytest.raises(RunError, match="format 99; this version of malaria reads up to 2") as caught:
        open_run(tmp_path)
    assert "newer malaria" in caught.value.remedy


HUGE = "1" + "0" * 30
NO_FORMAT = {
    "no format": ("DELETE FROM meta WHERE key = 'format'", ()),
    "format is text": ("UPDATE meta SET value = ? WHERE key = 'format'", ('"1"',)),
    "format is true": ("UPDATE meta SET value = 'true' WHERE key = 'format'", ()),
    "format is no JSON": ("UPDATE meta SET value = '{' WHERE key = 'format'", ()),
    "no table of facts": ("DROP TABLE meta", ()),
}


@pytest.mark.parametrize("what", NO_FORMAT)
def test_a_run_without_its_format_is_a_run_error(tmp_path: Path, what: str) -> None:
    write(tmp_path, WHOLE)
    statement, values = NO_FORMAT[what]
    spoil(tmp_path, statement, *values)
    with pytest.raises(RunError, match="cannot be read"):
        open_run(tmp_path)


FACT, SAMPLES, HISTOGRAMS = "1 of 3 facts", "1 of 2 samples", "1 of 4 histograms"
EVENTS, READINGS, LEDGERS = "1 event", "1 reading of an observer", "1 account of messages"
SPOILED = {
    "meta is no JSON": ("INSERT INTO meta VALUES ('x', '{')", (), FACT),
    "meta is deep": ("INSERT INTO meta VALUES ('x', ?)", ("[" * 100_000,), FACT),
    "meta is a blob": ("INSERT INTO meta VALUES ('x', ?)", (b"\xff\xfe",), FACT),
    "a key is a blob": ("INSERT INTO meta VALUES (?, '1')", (b"\xff\xfe",), FACT),
    "a time is text": ("INSERT INTO meta VALUES ('measure_start_ns', '\"now\"')", (), FACT),
    "a time is infinite": ("INSERT INTO meta VALUES ('measure_start_ns', 'Infinity')", (), FACT),
    "an unknown fact is infinite": ("INSERT INTO meta VALUES ('x', '[1e999]')", (), FACT),
    "a list is none": ("INSERT INTO meta VALUES ('lost_workers', '[1]')", (), FACT),
    "counts are a list": ("UPDATE sample SET counters = '[1]' WHERE id = 2", (), SAMPLES),
    "a count is negative": ("UPDATE sample SET counters = '{\"due\": -1}' WHERE id = 2", (), SAMPLES),
    "a count is a fraction": ("UPDATE sample SET counters = '{\"due\": 1.5}' WHERE id = 2", (), SAMPLES),
    "a count is huge": ("UPDATE sample SET gauges = ? WHERE id = 2", (f'{{"cpu_ns": {HUGE}}}',), SAMPLES),
    "a count is long": ("UPDATE sample SET gauges = ? WHERE id = 2", ('{"cpu_ns": ' + "9" * 5000 + "}",), SAMPLES),
    "a time runs backwards": ("UPDATE sample SET start_ns = end_ns + 1 WHERE id = 2", (), SAMPLES),
    "a time is a word": ("UPDATE sample SET end_ns = 'soon' WHERE id = 2", (), SAMPLES),
    "a phase is unknown": ("UPDATE sample SET phase = 'lunch' WHERE id = 2", (), SAMPLES),
    "a sample is gone": ("DELETE FROM sample WHERE id = 1", (), SAMPLES),
    "a histogram is text": ("UPDATE histogram SET packed = 'text' WHERE rowid = 4", (), HISTOGRAMS),
    "a histogram is damaged": ("UPDATE histogram SET packed = ? WHERE rowid = 4", (packed(5)[:-2],), HISTOGRAMS),
    "a histogram is gone": ("DELETE FROM histogram WHERE rowid = 3", (), HISTOGRAMS),
    "a kind is unknown": ("UPDATE event SET kind = 'party'", (), EVENTS),
    "an event is early": ("UPDATE event SET at_ns = -1", (), EVENTS),
    "text is no UTF-8": ("UPDATE event SET text = CAST(? AS TEXT)", (b"\xff",), EVENTS),
    "a reading is a list": ("UPDATE observation SET readings = '{\"cpu_percent\": [1]}'", (), READINGS),
    "a reading is true": ("UPDATE observation SET readings = '{\"cpu_percent\": true}'", (), READINGS),
    "a reading is infinite": ("UPDATE observation SET readings = '{\"cpu_percent\": 1e999}'", (), READINGS),
    "readings are a list": ("UPDATE observation SET readings = '[]'", (), READINGS),
    "an observation is early": ("UPDATE observation SET at_ns = -1", (), READINGS),
    "the ledger is a list": ("UPDATE ledger SET totals = '[]'", (), LEDGERS),
    "the ledger lacks a figure": ("UPDATE ledger SET totals = '{\"due\": 1}'", (), LEDGERS),
    "no table of observations": ("DROP TABLE observation", (), "an unknown number of readings of observers"),
    "no table of histograms": ("DROP TABLE histogram", (), "an unknown number of histograms"),
    "no table of samples": ("DROP TABLE sample", (), "an unknown number of samples"),
    "a column is missing": ("ALTER TABLE event DROP COLUMN text", (), "an unknown number of events"),
}
WHOLE = Run(RunMeta(title="x"), (SAMPLE, SAMPLE), (EVENT,), LEDGER, (SEEN,))


@pytest.mark.parametrize("what", SPOILED)
def test_what_is_sound_of_a_damaged_run_is_read(tmp_path: Path, what: str) -> None:
    """A row that cannot be read is left out and counted; the rows of the other tables are all there."""
    write(tmp_path, WHOLE)
    statement, values, lost = SPOILED[what]
    spoil(tmp_path, statement, *values)
    run = open_run(tmp_path)
    assert run.damage.sentence == f"run.db is damaged: {lost} could not be read"
    assert run.meta.title == "x"
    assert not run.damage.hits("sample") or len(run.samples) < 2
    if not run.damage.hits("sample", "histogram"):
        assert run.samples == WHOLE.samples
    assert run.damage.hits("event") or run.events == WHOLE.events
    assert run.damage.hits("ledger") or run.ledger == LEDGER
    assert run.damage.hits("observation") or run.observations == WHOLE.observations


def test_a_sample_without_one_of_its_histograms_keeps_its_counts(tmp_path: Path) -> None:
    write(tmp_path, WHOLE)
    spoil(tmp_path, "UPDATE histogram SET packed = x'00' WHERE rowid = 4")
    first, second = open_run(tmp_path).samples
    assert first == SAMPLE
    assert second == replace(SAMPLE, histograms={LOST_HISTOGRAMS: b""})


def test_damage_of_several_tables_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, WHOLE)
    spoil(tmp_path, "UPDATE sample SET phase = 'lunch' WHERE id = 2")
    spoil(tmp_path, "DELETE FROM histogram WHERE rowid = 3")
    spoil(tmp_path, "UPDATE event SET kind = 'party'")
    sentence = "run.db is damaged: 1 of 2 samples, 1 of 4 histograms and 1 event could not be read"
    assert open_run(tmp_path).damage.sentence == sentence


def test_a_sound_run_has_no_damage(tmp_path: Path) -> None:
    write(tmp_path, WHOLE)
    assert not open_run(tmp_path).damage


def test_the_rows_around_a_damaged_page_are_read(tmp_path: Path) -> None:
    """One page of the table of samples is overwritten: the samples before it and behind it are there."""
    samples = tuple(Sample("1", n * S, (n + 1) * S, RunPhase.MEASURE, {"due": n}, {"cpu_ns": n}) for n in range(1000))
    write(tmp_path, Run(RunMeta(), samples, (EVENT,), LEDGER))
    database = sqlite3.connect(tmp_path / FILE)
    (page_bytes,) = database.execute("PRAGMA page_size").fetchone()
    database.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    page = content.index(b'{"due":500}') // page_bytes
    content[page * page_bytes : page * page_bytes + 100] = b"\xff" * 100
    (tmp_path / FILE).write_bytes(content)
    run = open_run(tmp_path)
    kept = {sample.start_ns // S for sample in run.samples}
    lost = 1000 - len(kept)
    assert 10 < lost < 100
    assert kept == set(range(min(kept), 1000)) - (set(range(1000)) - kept)
    assert 500 not in kept
    assert {0, 999} <= kept
    assert run.damage.sentence == f"run.db is damaged: {lost} of 1,000 samples could not be read"
    assert (run.events, run.ledger) == ((EVENT,), LEDGER)


def test_rows_that_a_damaged_page_hides_without_an_error_are_missed(tmp_path: Path) -> None:
    """The number of rows on the last page is set to 1: SQLite gives fewer rows, and no error but in its own check."""
    samples = tuple(Sample("1", n * S, (n + 1) * S, RunPhase.MEASURE, {"due": n}, {"cpu_ns": n}) for n in range(1000))
    write(tmp_path, Run(RunMeta(), samples, (), None))
    content = bytearray((tmp_path / FILE).read_bytes())
    page = content.index(b'{"due":999}') // 4096 * 4096
    assert content[page] == 13  # a leaf of a table
    content[page + 3 : page + 5] = b"\x00\x01"
    (tmp_path / FILE).write_bytes(content)
    run = open_run(tmp_path)
    assert len(run.samples) < 1000
    assert run.damage.sentence == "run.db is damaged: an unknown number of samples could not be read"


def test_a_file_that_was_cut_short_gives_what_it_still_holds(tmp_path: Path) -> None:
    samples = tuple(Sample("1", n * S, (n + 1) * S, RunPhase.MEASURE, {"due": n}, {"cpu_ns": n}) for n in range(1000))
    write(tmp_path, Run(RunMeta(title="x"), samples, (), None))
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[: len(content) // 2])
    run = open_run(tmp_path)
    assert run.meta.title == "x"
    assert 100 < len(run.samples) < 900
    assert run.damage.hits("sample")


def test_a_view_in_the_place_of_a_table_is_not_computed(tmp_path: Path) -> None:
    write(tmp_path, Run(RunMeta(), (SAMPLE,), (), None))
    spoil(tmp_path, "DROP TABLE event")
    spoil(
        tmp_path,
        "CREATE VIEW event AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i AS at_ns, 'phase' AS kind, '' AS text, '' AS worker, 1 AS count FROM n",
    )
    run = open_run(tmp_path)
    assert run.damage.sentence == "run.db is damaged: an unknown number of events could not be read"
    assert (run.events, run.samples) == ((), (SAMPLE,))


def test_facts_of_later_versions_are_handed_on(tmp_path: Path) -> None:
    write(tmp_path, Run(RunMeta.model_validate({"weather": ["fine"]}), (), (), None))
    assert open_run(tmp_path).meta.weather == ["fine"]


# --- the list of runs ----------------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first_with_their_verdict(tmp_path: Path) -> None:
    for day, name in ((1, "a"), (3, "demo/level-1"), (2, "b")):
        meta: dict[str, object] = {"started": f"2026-11-0{day}", "title": name, "target": "mqtt://x:1883"}
        write(tmp_path / name, Run(RunMeta.model_validate(meta), (), (), None))
    (tmp_path / "b" / "summary.json").write_text(json.dumps({"verdict": {"outcome": "FAIL"}}))
    (tmp_path / "a" / "summary.json").write_text("[")
    listed = [(entry.title, entry.target, entry.outcome) for entry in list_runs(tmp_path)]
    assert listed == [
        ("demo/level-1", "mqtt://x:1883", None),
        ("b", "mqtt://x:1883", "FAIL"),
        ("a", "mqtt://x:1883", None),
    ]


def test_a_run_that_cannot_be_read_is_listed_too(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / FILE).write_text("no database")
    (entry,) = list_runs(tmp_path)
    assert entry.directory == tmp_path / "bad"
    assert "cannot be read" in entry.title


def test_nothing_is_listed_where_nothing_is(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "missing") == []


def test_a_text_that_is_no_unicode_is_spelled_out_and_holds_nothing_up(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path) as writer:
        writer.event(replace(EVENT, text="no key in /etc/caf\udce9.pem"))
        writer.append([SAMPLE])
        assert writer.commit()
    records = open_run(tmp_path)
    assert [event.text for event in records.events] == ["no key in /etc/caf\\udce9.pem"]
    assert records.samples == (SAMPLE,)


def test_a_recording_of_perf_is_part_of_the_records(tmp_path: Path) -> None:
    write(tmp_path, make_run(seconds=2))
    assert open_run(tmp_path).profile is None
    (tmp_path / "perf.json").write_text('{"samples": 2, "table": [], "stacks": {"a;b": 2}}')
    read = open_run(tmp_path).profile
    assert read is not None
    assert read.stacks == {"a;b": 2}


def test_a_damaged_recording_of_perf_leaves_the_run_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, make_run(seconds=2))
    (tmp_path / "perf.json").write_text('{"samples": "many"}')
    records = open_run(tmp_path)
    assert records.profile is None
    assert records.samples
    assert "perf.json cannot be read" in str(records.meta.notes)


def test_a_run_that_is_there_can_be_added_to(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run") as writer:
        writer.append([Sample("1", 0, 10, RunPhase.MEASURE)])
        writer.describe(RunMeta(title="before"))
    with RunWriter.reopen(tmp_path / "run") as writer:
        writer.append([Sample("1", 10, 20, RunPhase.DRAIN)])
        writer.describe(RunMeta(title="after"))
    records = open_run(tmp_path / "run")
    assert [sample.end_ns for sample in records.samples] == [10, 20]
    assert records.meta.title == "after"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.db"]
    with pytest.raises(RunError):
        RunWriter.reopen(tmp_path / "nothing")
