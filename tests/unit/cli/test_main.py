"""What becomes of a command line: exit codes, errors with their remedy, help for everything."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cli_fakes import Calls, install
from malaria import __version__
from malaria.cli import attack as attack_command
from malaria.cli import (
    campaign,
    capacity,
    compare,
    connect,
    demo,
    docs,
    doctor,
    export,
    keygen,
    publish,
    report,
    runs,
    schema,
    steer,
    subscribe,
    watch,
)
from malaria.cli.main import app, main
from malaria.cli.options import PANELS
from malaria.cli.web_view import with_web_address
from malaria.errors import HostLimitError, OperatorError

COMMANDS = {
    "demo": demo, "attack": attack_command, "campaign": campaign, "capacity": capacity, "compare": compare,
    "publish": publish, "subscribe": subscribe,
    "connect": connect, "runs": runs, "report": report, "export": export, "keygen": keygen, "doctor": doctor,
    "watch": watch, "steer": steer, "schema": schema, "docs": docs,
}  # fmt: skip
GROUP = typer.main.get_group(app)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    return install(monkeypatch)


def test_every_command_is_there() -> None:
    assert set(GROUP.commands) == set(COMMANDS) | {"swarm"}  # whose own commands are in test_cli_swarm


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    command = GROUP.commands[name]
    assert command.help
    assert command.short_help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    for example in COMMANDS[name].EXAMPLES:
        assert re.sub(r"\s+", " ", example) in shown
        assert example.startswith(f"malaria {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_a_command(name: str) -> None:
    for example in COMMANDS[name].EXAMPLES:
        words = shlex.split(re.sub(r"   #.*| > \w+(\.\w+)+", "", example))
        context = GROUP.commands[name].make_context(name, with_web_address(words[2:]), resilient_parsing=False)
        assert context.params


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_overview(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)
    assert "malaria demo" in shown
    assert "3 INVALID" in shown


def test_help_breaks_no_line_of_a_paragraph() -> None:
    swarm = GROUP.commands["swarm"].commands  # type: ignore[attr-defined]
    helps = [command.help for command in (*GROUP.commands.values(), *swarm.values())]
    assert len(helps) > 25
    assert not any("\n" in paragraph for text in helps for paragraph in text.split("\n\n"))


def test_the_overview_loads_nothing_heavy() -> None:
    """What makes `malaria --help` answer at once."""
    program = "import sys; from malaria.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr.split()
    assert not {"numpy", "pydantic", "rich.console", "sqlite3", "asyncio"} & set(loaded)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"malaria {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["attack"], "no target is given"),
        (["frob"], "there is no command frob"),
        (["attack", "campaign", "x", "--frob"], "there is no option --frob"),
        (["attack", "x", "-c", "many"], "-c/--clients: 'many' is not a whole number"),
        (["attack", "x", "--workers", "0"], "--workers"),
        (["attack", "x", "y"], "y: a word too many"),
        (["attack", "x", "--workers", "two"], "--workers: 'two' is not a whole number"),
        (["attack", "x", "-t", "a/%c"], "write {client}"),
        (["attack", "x", "--fail-if", "p99>5ms"], "did you mean ack.p99?"),
        (["attack", "broker.emqx.io", "--i-am-allowed-to-load-this-broker"], "public broker"),
        (["attack", "x", "-w", "none.toml"], "none.toml: no such file"),
        (["attack", "x", "-r", "10k/m"], "-r/--rate: '10k/m' is not a rate"),
        (["attack", "x", "--no-subscriber", "-w", "w.toml"], "--no-subscriber cannot be used with --warhead"),
        (["publish", "x", "-w", "w.toml"], "there is no option -w"),
        (["report"], "there is no run below runs/"),
        (["export", "-f", "xls"], "'xls' is not a format"),
    ],
)
def test_bad_commands_end_with_2(
    arguments: list[str], words: str, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert words in err
    assert err.splitlines()[1].startswith("       ")
    assert calls.requests == []


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (HostLimitError("no free ports", "add addresses"), 2, "error: no free ports\n       add addresses\n"),
        (OperatorError("one\ntwo"), 2, "error: one\n       two\n"),
        (OSError(28, "No space left on device", "runs"), 2, "error: runs: No space left on device\n"),
        (KeyboardInterrupt(), 4, "aborted before there was anything to report\n"),
        (typer.Abort(), 4, "aborted before there was anything to report\n"),
        (RuntimeError("boom"), 4, "RuntimeError: boom\nerror: this is a bug of malaria\n"),
        (RuntimeError("\x1b[31mred"), 4, "RuntimeError: \ufffd[31mred\nerror: this is a bug of malaria\n"),
    ],
)
def test_what_commands_raise(
    raised: BaseException, code: int, words: str, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    calls.raises = raised
    assert main(["attack", "x"]) == code
    assert words in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_bug() -> None:
    program = "from malaria.cli.main import run; run()"
    with subprocess.Popen([sys.executable, "-c", program, "attack", "--help"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_every_panel_is_used() -> None:
    used = {getattr(parameter, "rich_help_panel", None) for parameter in GROUP.commands["attack"].params}
    assert set(PANELS) <= used


def complete(shell: str, words: str, **environment: str) -> str:
    """Ask malaria as the script of a shell does."""
    program = "from malaria.cli.main import run; run()"
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment | {"_MALARIA_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": words},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "environment"),
    [
        ("bash", {"COMP_WORDS": "malaria swarm stat", "COMP_CWORD": "2"}),
        ("zsh", {}),
        ("fish", {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_a_shell_completes_commands(shell: str, environment: dict[str, str]) -> None:
    shown = complete(shell, "malaria swarm stat", **environment)
    assert "status" in shown
    assert "deploy" not in shown


@pytest.mark.parametrize(
    ("shell", "script", "sourced"),
    [
        ("bash", ".bash_completions/malaria.sh", ".bashrc"),
        ("zsh", ".zfunc/_malaria", ".zshrc"),
        ("fish", ".config/fish/completions/malaria.fish", ""),
    ],
)
def test_completion_is_installed_for_the_shell(
    shell: str, script: str, sourced: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: shell)
    with pytest.raises(SystemExit) as left:
        main(["--install-completion"])
    assert left.value.code == 0
    assert f"_MALARIA_COMPLETE=complete_{shell}" in (tmp_path / script).read_text()
    assert not sourced or (tmp_path / sourced).is_file()


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_an_unknown_shell_is_no_fail(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: None)
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: None)
    assert main([option]) == 2
    assert "no completion for this shell\n       type it in bash, zsh or fish" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "write"),
    [
        (["-h", "broker"], "malaria attack broker"),
        (["-hbroker", "-p", "1884"], "malaria attack broker:1884"),
        (["-c", "5", "-h", "broker"], "malaria attack broker"),
        (["--host", "broker"], "malaria attack broker"),
        (["broker", "-p", "1884"], "malaria attack broker:1884"),
        (["broker", "--port=1884"], "malaria attack broker:1884"),
        (["broker", "1884"], "malaria attack broker:1884"),
        (["broker", "--tls"], "malaria attack mqtts://broker"),
    ],
)
def test_the_habits_of_other_tools_get_the_command_to_write(
    words: list[str], write: str, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["attack", *words]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].strip() == f"write: {write}"
    assert "TARGET" in said[0]
    assert calls.requests == []


def test_h_alone_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "-h"]) == 0
    assert "Usage: malaria attack" in capsys.readouterr().out


def test_numbers_have_units_and_a_percent_i_is_the_index(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "tcp://x", "-c", "1k", "-s", "5KB", "-d", "10S", "-t", "m/%i"]) == 0
    (request,) = calls.requests
    group = request.warhead.groups[0]
    assert (group.clients, group.size, group.topic) == (1000, "5000", "m/{index}")
    assert request.warhead.attack.duration_ns == 10**10
    assert request.target.url == "mqtt://x:1883"
    assert "note: -t/--topic m/%i is read as m/{index}" in capsys.readouterr().err


def test_a_warhead_and_a_campaign_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    warhead, campaign = tmp_path / "meters.toml", tmp_path / "levels.toml"
    warhead.write_text("[[group]]\nclients = 5\n")
    campaign.write_text("[[level]]\nclients = 5\n")
    assert main(["campaign", str(warhead)]) == 2
    assert f"is a warhead, and no campaign\n       write: malaria attack TARGET -w {warhead}" in capsys.readouterr().err
    assert main(["attack", "x", "-w", str(campaign)]) == 2
    assert f"is a campaign, and no warhead\n       write: malaria campaign {campaign}" in capsys.readouterr().err


def test_a_title_names_the_run_and_its_directory(calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["connect", "x", "--title", "night shift / 2"]) == 0
    (request,) = calls.requests
    assert request.title == "night shift / 2"
    assert request.directory.name.endswith("-night-shift-2")
