"""`malaria keygen`: files for their owner alone, nothing lost by mistake."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from malaria.cli.main import main
from malaria.plan.credentials import read_keys


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_of_keys_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "k.psk"
    assert main(["keygen", "-n", "20", "--identity", "m-{index:03d}", "-o", str(path)]) == 0
    keys = read_keys(path)
    assert [identity for identity, _ in keys] == [f"m-{i:03d}" for i in range(20)]
    assert {len(key) for _, key in keys} == {32}
    assert mode(path) == 0o600


def test_what_is_behind_stdout_becomes_private(tmp_path: Path) -> None:
    path = tmp_path / "k.psk"
    with path.open("wb") as out:
        os.fchmod(out.fileno(), 0o644)
        subprocess.run([sys.executable, "-m", "malaria", "keygen", "-n", "3"], stdout=out, check=True, timeout=60)
    assert len(read_keys(path)) == 3
    assert mode(path) == 0o600


def test_a_pipe_is_served_too(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["keygen", "-n", "2", "--bytes", "8", "--format", "psk"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [len(line.partition(":")[2]) for line in lines] == [16, 16]


def test_keys_that_are_there_are_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "k.psk"
    path.write_text("a:00\n")
    assert main(["keygen", "-n", "2", "-o", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert path.read_text() == "a:00\n"
    assert main(["keygen", "-n", "2", "-o", str(path), "--force"]) == 0
    assert len(read_keys(path)) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--of", "k.psk", "-n", "3"], "--count is for new keys"),
        (["--of", "k.psk", "--split", "2", "--identity", "m-{index}"], "--identity is for new keys"),
        (["--of", "k.psk", "--format", "csv"], "--format is for new keys"),
        (["--of", "k.psk", "--bytes", "8"], "--bytes is for new keys"),
        (["-n", "3", "--format", "csv", "--bytes", "8"], "--bytes is for pre-shared keys"),
    ],
)
def test_options_that_would_do_nothing(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keygen", *options]) == 2
    assert message in capsys.readouterr().err


def test_a_split_loses_and_doubles_nothing(tmp_path: Path) -> None:
    whole = tmp_path / "k.psk"
    main(["keygen", "-n", "50", "-o", str(whole)])
    assert main(["keygen", "--of", str(whole), "--split", "7"]) == 0
    parts = [read_keys(tmp_path / f"k.psk.{number}") for number in range(1, 8)]
    assert sorted(key for part in parts for key in part) == sorted(read_keys(whole))
    assert {mode(tmp_path / f"k.psk.{number}") for number in range(1, 8)} == {0o600}
    assert main(["keygen", "--of", str(whole), "--split", "7"]) == 2  # the parts are there


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["keygen"], "the number of keys is missing"),
        (["keygen", "-n", "2", "--identity", "same"], "the same for every client"),
        (["keygen", "-n", "2", "--identity", "{client}"], "not a placeholder"),
        (["keygen", "-n", "2", "--identity", "a:{index}"], "cannot hold"),
        (["keygen", "-n", "2", "--format", "xml"], "no such format"),
        (["keygen", "-n", "2", "--split", "2"], "none is named"),
        (["keygen", "-n", "2", "--split", "3", "-o", "x"], "2 lines for 3 bees"),
        (["keygen", "-n", "2", "-o", "/nowhere/k"], "No such file"),
        (["keygen", "--of", "/nowhere/k", "--split", "2"], "No such file"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
