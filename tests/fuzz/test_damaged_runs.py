"""Run directories that were damaged by chance, with a seed: figures or a RunError, and never another exception.

Bytes of the file are changed, or values in its tables. Whatever is read gives JSON that any program reads, and a run of
which something is missing never passes.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from fuzz_rounds import rounds
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.errors import RunError
from malaria.outputs.export_formats import to_csv, to_json
from malaria.outputs.files import json_text
from malaria.records.store import FILE, list_runs, open_run
from malaria.report.markdown.run_markdown import render_run_markdown

DATA: Final = Path(__file__).parents[1] / "data"
SHARDS: Final = 4
OF_EACH: Final = rounds(110)
"""Files of each kind in a shard."""
COLUMNS: Final = {
    "sample": ("worker", "start_ns", "end_ns", "phase", "counters", "gauges"),
    "histogram": ("sample", "metric", "packed"),
    "event": ("at_ns", "kind", "text", "worker", "count"),
    "ledger": ("totals",),
    "meta": ("key", "value"),
    "observation": ("at_ns", "observer", "readings"),
}
NUMBERS: Final = (
    0, 1, -1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30, 10**399, -(10**399), 1.5, -0.5, 1e308, -1e308,
    5e-324, "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "9" * 5000,
)  # fmt: skip
"""Those that are texts are written as they are into JSON."""
TEXTS: Final = (
    "",
    "\0",
    "\x1b[31mred",
    "\ud800",
    "measure",
    "lunch",
    "x" * 200_000,
    "[" * 2000,
    "{}",
    "[]",
    "null",
    "1",
)


def json_number(number: Any) -> str:
    return number if isinstance(number, str) else repr(number)


def changed_json(random: Random, text: str) -> str:
    """Replace a number somewhere in a JSON text, or the type of a value."""
    tokens = [place for place in range(len(text)) if text[place].isdigit() and not text[place - 1 : place].isdigit()]
    if not tokens or random.random() < 0.2:
        place = random.randrange(len(text) + 1)
        return text[:place] + random.choice('{}[]",:-.e0\\') + text[place + random.randrange(2) :]
    begin = random.choice(tokens)
    end = begin
    while end < len(text) and text[end] in "0123456789.":
        end += 1
    new = json_number(random.choice(NUMBERS)) if random.random() < 0.7 else random.choice(('"1"', "null", "[]", "{}"))
    return text[:begin] + new + text[end:]


def change_value(random: Random, directory: Path) -> None:
    """Change one value, or all values of one column."""
    table = random.choice(tuple(COLUMNS))
    column = random.choice(COLUMNS[table])
    database = sqlite3.connect(directory / FILE)
    database.text_factory = lambda raw: raw.decode(errors="replace")
    try:
        (old,) = database.execute(f"SELECT {column} FROM {table} ORDER BY random() LIMIT 1").fetchone() or (None,)
        new = new_value(random, old)
        where = "" if random.random() < 0.3 or old is None else f" WHERE {column} = ?"
        database.execute(f"UPDATE OR REPLACE {table} SET {column} = ?{where}", (new, old) if where else (new,))
        database.commit()
    except (sqlite3.Error, OverflowError, UnicodeEncodeError):
        pass  # not a value that SQLite takes
    finally:
        database.close()


def new_value(random: Random, old: object) -> object:
    if isinstance(old, str) and old[:1] in '{["0123456789' and random.random() < 0.8:
        return changed_json(random, old)
    choice = random.random()
    if isinstance(old, bytes) and choice < 0.7:
        return changed_bytes(random, old, 3)
    number = random.choice([number for number in NUMBERS if not isinstance(number, str)])
    return number if choice < 0.5 else random.choice(TEXTS) if choice < 0.9 else random.randbytes(20)


def changed_bytes(random: Random, content: bytes, most: int) -> bytes:
    changed = bytearray(content)
    for _ in range(random.randint(1, most)):
        place = random.randrange(len(changed))
        match random.randrange(5):
            case 0:
                changed[place] ^= 1 << random.randrange(8)
            case 1:
                changed[place : place + 8] = random.randbytes(len(changed[place : place + 8]))
            case 2:
                changed[place : place + 64] = bytes(len(changed[place : place + 64]))
            case 3:
                changed[place] = random.choice((0, 1, 127, 128, 255))
            case _:
                changed[place : place + 4] = changed[:4]
    return bytes(changed)


def change_file(random: Random, directory: Path) -> None:
    """Change bytes anywhere, those of the pages' heads more often; or cut the file."""
    path = directory / FILE
    content = path.read_bytes()
    if random.random() < 0.1:
        content = content[: random.randrange(1, len(content))]
    if random.random() < 0.4 and len(content) >= 4096:
        page = random.randrange(len(content) // 4096) * 4096
        head = page + (100 if page == 0 else 0)
        content = content[:head] + changed_bytes(random, content[head : head + 40], 2) + content[head + 40 :]
    path.write_bytes(changed_bytes(random, content, 10))


def check(directory: Path) -> Outcome | None:
    """Read a run in every way. Return its outcome; None for a RunError."""
    list_runs(directory)
    try:
        run = open_run(directory)
    except RunError:
        return None
    summary = summarize(run)
    json.loads(json_text(summary.as_json()), parse_constant=pytest.fail)
    json.loads(to_json(run), parse_constant=pytest.fail)
    to_csv(run)
    render_run_markdown(run, summary)
    assert not run.damage or summary.verdict.outcome is Outcome.UNKNOWN
    return summary.verdict.outcome


@pytest.mark.slow
@pytest.mark.parametrize("change", [change_value, change_file])
@pytest.mark.parametrize("shard", range(SHARDS))
def test_damaged_runs_give_figures_or_a_run_error(
    tmp_path: Path, shard: int, change: Callable[[Random, Path], None]
) -> None:
    outcomes, failures = [], []
    for seed in range(shard * OF_EACH, (shard + 1) * OF_EACH):
        random = Random(f"{change.__name__} {seed}")
        directory = tmp_path / str(seed)
        shutil.copytree(DATA / random.choice(("attack", "campaign/level-1")), directory)
        for _ in range(random.randint(1, 3)):
            change(random, directory)
        try:
            outcomes.append(check(directory))
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {str(error)[:200]}")
        shutil.rmtree(directory)
    assert failures == []
    assert {None, Outcome.UNKNOWN} <= set(outcomes)
