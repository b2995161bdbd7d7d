"""What a command prints: clean, in any encoding, to a reader that may leave."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from malaria.attacks.interrupt import Interrupt
from malaria.cli import output
from malaria.cli.main import main
from malaria.cli.output_stream import OutputState
from malaria.printable import printable, printable_lines

HOSTILE = "a\x1b[31mb\x07\x9bc\u202ed\udcff"
CLEAN = "a\ufffd[31mb\ufffd\ufffdc\ufffdd\ufffd"


@pytest.fixture(autouse=True)
def _reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_OUTPUT", OutputState())


def test_no_control_character_is_left() -> None:
    assert printable(HOSTILE) == CLEAN
    assert printable("a\tb\nc") == "a b c"
    assert printable_lines(f"one\n{HOSTILE}\r\ntwo") == f"one\n{CLEAN} \ntwo"


def test_errors_are_clean_and_indented(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_error(f"{HOSTILE}\nsecond", f"mend {HOSTILE}")
    assert capsys.readouterr().err == f"error: {CLEAN}\n       second\n       mend {CLEAN}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", f"runs/{HOSTILE}"],
        ["attack", f"mqtt://{HOSTILE}"],
        ["attack", "x", "-w", f"{HOSTILE}.toml"],
        ["campaign", f"{HOSTILE}.toml"],
        ["campaign", "--resume", HOSTILE],
        ["attack", "x", "-c", HOSTILE],
        [HOSTILE],
        ["export", "-f", HOSTILE],
    ],
)
def test_no_command_prints_what_it_was_given_raw(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = "".join(capsys.readouterr())
    assert "\x1b" not in told
    assert "\x07" not in told


def test_the_contents_of_a_file_are_clean_in_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in (("w.toml", '"\\u001b[31m" = 1\n'), ("c.toml", 'title = "\\u001b[31m"\n')):
        (tmp_path / name).write_text(content)
    assert main(["attack", "x", "-w", str(tmp_path / "w.toml")]) == 2
    assert main(["campaign", str(tmp_path / "c.toml")]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_the_console_keeps_its_own_colours_and_drops_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = output.console(None)
    monkeypatch.setattr(screen, "_file", sink := io.StringIO())
    monkeypatch.setattr(screen, "_color_system", None)
    table = Table("title", box=None)
    table.add_row(Text(HOSTILE, overflow="fold"))
    screen.print(table)
    screen.print(HOSTILE, markup=False)
    assert "\x1b" not in sink.getvalue()
    assert sink.getvalue().count("\ufffd[31m") == 2


def test_an_attack_whose_reader_leaves_before_it_begins_finishes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt = Interrupt()
    monkeypatch.setattr(output, "_OUTPUT", OutputState(gone=True))
    with output.finishing_without_reader(interrupt):
        assert interrupt.count == 1
    assert output.final_code(0) == 4


@pytest.mark.parametrize(
    ("made_load", "code", "final"),
    [(False, 0, 2), (False, 4, 4), (True, 0, 0), (True, 1, 1)],
)
def test_output_that_fails_is_a_fault_unless_a_load_has_a_verdict(
    made_load: bool, code: int, final: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "_OUTPUT", OutputState(failure="No space left on device", made_load=made_load))
    assert output.final_code(code) == final
    assert capsys.readouterr().err == ("error: standard output: No space left on device; not everything was printed\n")


def test_progress_that_nobody_read_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "_OUTPUT", OutputState(dropped_bytes=70_000))
    assert output.final_code(1) == 1
    assert capsys.readouterr().err == "70 kB of progress were not printed: the reader stood still\n"


SCRIPT = """
import os, sys
from malaria.cli.output import prepare_streams, print_line
prepare_streams()
assert os.open("records", os.O_RDWR | os.O_CREAT) > 2
print_line("page · \\u2588 \\udcff")
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_takes_what_is_printed(encoding: str, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, cwd=tmp_path, capture_output=True, check=True, timeout=60
    )
    assert done.stdout.startswith(b"page ")
    assert done.stderr == b""


def test_closed_streams_are_not_given_to_the_records(tmp_path: Path) -> None:
    command = f"exec {sys.executable} -c '{SCRIPT}' <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], cwd=tmp_path, check=False, timeout=60).returncode == 0
