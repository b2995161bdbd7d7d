"""`malaria watch`: what it refuses, and how it ends when there is nothing to see."""

from __future__ import annotations

import json

import pytest

from malaria.cli.main import main

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-d", "2x"], "-d/--duration: '2x' is not a duration"),
        (["--interval", "0"], "--observe interval"),
        (["--observe", "weather"], "'weather' is not an observer"),
        (["--observe", "none,sys"], "none cannot stand beside observers"),
        (["--observe", "none"], "there is nothing to watch"),
        (["--observe", "perf"], "there is no run directory for the recording"),
        (["--observe", "host=ssh://-x"], "is not a host"),
        (["--prometheus", "nowhere"], "not an address to listen on"),
        (["--psk-file", "missing.psk"], "missing.psk"),
    ],
)
def test_what_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", f"mqtts://{NOBODY}", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_nothing_to_see_is_said_and_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", NOBODY, "--observe", "process=no-such-process", "-d", "2s", "--interval", "100ms"]) == 4
    assert "process lost: there is no process named no-such-process on this host" in capsys.readouterr().out


def test_lines_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--observe", "host", "--json-lines", "--interval", "100ms", "-d", "2s"]
    assert main(["watch", NOBODY, *arguments]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["observer"] for row in rows} == {"host"}
    assert rows[-1]["values"]["memory_bytes"] > 0


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", NOBODY, "--observe", "host", "--quiet", "--interval", "100ms", "-d", "2s"]) == 0
    assert capsys.readouterr() == ("", "")


def test_what_is_watched_by_default_says_why_there_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", NOBODY, "--interval", "100ms", "-d", "2s"]) == 0
    said = capsys.readouterr().out
    assert "sys lost: 127.0.0.1:1 cannot be reached" in said
    assert "process lost: there is no process that listens on port 1 on this host" in said
