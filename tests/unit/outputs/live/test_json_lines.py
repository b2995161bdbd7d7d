"""The lines of an attack: their schema, their numbers, and what happens when nobody takes them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from live_attack import StagedAttack, play, progress
from malaria.clock import NS_PER_S
from malaria.outputs.live.json_lines import AttackLines, json_lines_schema
from malaria.records.rows import Counter, Event, EventKind, LastSecond, RunPhase

SCHEMA = Draft202012Validator(json_lines_schema())


def lines_of(file: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        SCHEMA.validate(line)
    return lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lines.jsonl"


def test_a_line_each_second_one_for_each_mark_and_the_verdict_last(tmp_path: Path, file: Path) -> None:
    lines = AttackLines(str(file), tmp_path / "run")
    play(lines, StagedAttack(tmp_path / "run"), seconds=3)
    assert lines.close() == ""
    found = lines_of(file)
    assert [line["kind"] for line in found] == ["event", "second", "second", "second", "verdict"]
    assert {line["run"] for line in found} == {"run"}
    assert (found[0]["event"], found[0]["text"], found[0]["run_s"]) == ("phase", "measure", 1)
    assert found[1]["time"] == "2026-11-30T00:53:21.100+00:00"
    assert (found[1]["run_s"], found[1]["load_s"]) == (1.1, 0.1)
    assert [line["totals"]["sent"] for line in found[1:4]] == [400, 800, 1200]
    assert set(found[1]["totals"]) == {counter.value for counter in Counter}
    assert found[1]["clients"] == {"planned": 50, "connected": 50, "ready": 50}
    assert (found[-1]["outcome"], found[-1]["messages"]["lost"]) == ("PASS", 3)


def test_a_second_is_told_once(tmp_path: Path, file: Path) -> None:
    second = LastSecond(NS_PER_S, 3 * NS_PER_S, RunPhase.MEASURE, {"sent": 200, "acked": 195})
    lines = AttackLines(str(file), tmp_path)
    lines.begin(StagedAttack(tmp_path))
    for at_s in (3.0, 3.2, 3.9, 4.0, 4.1):
        lines.progress(progress(at_s, second=second, second_latency_ms={"ack": {"p50": 1.5}}))
    lines.close()
    first, again = lines_of(file)
    assert first["rates"] == {"due_per_s": 200, "sent_per_s": 200, "acked_per_s": 195, "delivered_per_s": 0}
    assert first["latency_ms"]["ack"] == {"p50": 1.5, "p99": None, "max": None}
    assert (again["rates"], again["latency_ms"]) == (None, None)


def test_a_campaign_ends_with_its_own_verdict(tmp_path: Path, file: Path) -> None:
    root = tmp_path / "levels"
    lines = AttackLines(str(file), root)
    play(lines, StagedAttack(root / "level-1"))
    play(lines, StagedAttack(root / "level-2"), failure="the disk is full")
    (root / "summary.json").write_text(json.dumps({"verdict": {"outcome": "FAIL", "reasons": ["too slow"]}}))
    lines.close()
    verdicts = [(one["run"], one["outcome"], one["failure"]) for one in lines_of(file) if one["kind"] == "verdict"]
    assert verdicts == [
        ("levels/level-1", "PASS", ""),
        ("levels/level-2", None, "the disk is full"),
        ("levels", "FAIL", ""),
    ]


def test_nothing_reaches_a_terminal_but_ascii(tmp_path: Path, file: Path) -> None:
    lines = AttackLines(str(file), tmp_path)
    lines.begin(StagedAttack(tmp_path))
    lines.event(Event(1, EventKind.TROUBLE, "\x1b]0;x\x07 \u202e\x9b", "worker"))
    lines.close()
    assert file.read_bytes().isascii()
    assert b"\x1b" not in file.read_bytes()
    assert lines_of(file)[0]["text"] == "\x1b]0;x\x07 \u202e\x9b"


def test_a_full_disk_is_noted_once(tmp_path: Path) -> None:
    attack = StagedAttack(tmp_path)
    lines = AttackLines("/dev/full", tmp_path)
    play(lines, attack)
    assert lines.close() == ""
    assert attack.notes == ["--json-lines /dev/full: No space left on device; no more lines are written"]


def test_a_reader_that_leaves_is_noted_and_hurts_nothing(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    attack = StagedAttack(tmp_path)
    lines = AttackLines(f"/proc/self/fd/{writes}", tmp_path)
    os.close(reads)
    play(lines, attack)
    lines.close()
    os.close(writes)
    assert [note.partition(": ")[2] for note in attack.notes] == ["the reader left; no more lines are written"]


def test_one_line_that_is_missing_is_one(tmp_path: Path) -> None:
    lines = AttackLines(str(tmp_path / "lines"), tmp_path)
    lines._sink.dropped = 1
    assert lines.close().endswith(": 1 line was not written")


def test_a_reader_that_stands_still_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("malaria.outputs.live.background_sink.CLOSE_S", 0.01)
    reads, writes = os.pipe()
    lines = AttackLines(f"/proc/self/fd/{writes}", tmp_path)
    lines.begin(StagedAttack(tmp_path))
    for second in range(1, 201):
        lines.progress(progress(second))
    told = lines.close()
    assert told.endswith(" lines were not written")
    os.close(reads)
    os.close(writes)


def test_an_attack_that_ends_before_it_begins_has_no_line(tmp_path: Path, file: Path) -> None:
    lines = AttackLines(str(file), tmp_path)
    lines.end("the disk is full")
    assert lines.close() == ""
    assert file.read_text() == ""


def test_a_pipe_that_does_not_block_gets_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    monkeypatch.setattr("malaria.outputs.live.json_lines._STDOUT_DESCRIPTOR", writes)
    lines = AttackLines("-", tmp_path)
    lines.begin(StagedAttack(tmp_path))
    for second in range(1, 201):  # more than a pipe holds
        lines.progress(progress(second))
    lines.event(Event(1, EventKind.ACT, "the last"))
    with os.fdopen(reads) as reader:
        for last in reader:
            if "the last" in last:
                break
    assert lines.close() == ""
    os.close(writes)


def test_a_named_pipe_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        AttackLines(str(tmp_path / "pipe"), tmp_path)
