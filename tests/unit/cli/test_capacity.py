"""`capacity`: options that do not go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_fakes import Calls, install
from malaria.cli.main import main


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    return install(monkeypatch)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no target is given"),
        (["--resume", "a", "x"], "--resume takes no target and no load"),
        (["--resume", "a", "-c", "5"], "--resume takes no target and no load"),
        (["--resume", "a", "--hold", "1m"], "--hold cannot be used with --resume"),
        (["--resume", "a", "--from", "100"], "--from cannot be used with --resume"),
        (["--resume", "a", "--observe", "none"], "--observe cannot be used with --resume"),
        (["--resume", "a", "-o", "b"], "--output cannot be used with --resume"),
        (["--resume", "a", "--demo"], "--demo cannot be used with --resume"),
        (["--resume", "a", "--yes", "--no-wait", "--quiet"], "a holds no campaign"),
        (["x", "--yes"], "--yes can be used only with --resume"),
        (["--demo", "--yes"], "--yes cannot be used with --demo"),
        (["--demo", "x"], "--demo takes no target and no load"),
        (["--demo", "-w", "load.toml"], "--warhead cannot be used with --demo"),
        (["--demo", "--budget", "9m"], "--budget cannot be used with --demo"),
        (["--demo", "--hold", "1m"], "--hold cannot be used with --demo"),
        (["--demo", "--observe", "none"], "--observe cannot be used with --demo"),
    ],
)
def test_commands_that_are_refused(
    arguments: list[str], message: str, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capacity", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert calls.requests == []
    assert not Path("runs").exists()


def test_the_length_of_a_trial(calls: Calls) -> None:
    for words, seconds in (([], 30), (["--hold", "40s"], 40)):
        assert main(["capacity", "127.0.0.1:1", *words]) == 0
        (level,) = calls.requests[-1].campaign.levels
        assert level.warhead.attack.duration_ns == seconds * 10**9


def test_the_demo_takes_how_it_is_made_and_shown(calls: Calls) -> None:
    assert main(["capacity", "--demo", "-o", "demo", "--workers", "2", "--quiet", "--no-wait"]) == 0
    assert calls.requests[0].directory == Path("demo")
