"""From options to a run: the request that is made, what is written, and the exit code."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_fakes import RECORDS, Calls, install
from malaria.cli.attack_screen import EXIT_CODES, command_line
from malaria.cli.main import main
from malaria.model.target import parse_target
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from malaria.tui.full_screen import FullScreen
from malaria.tui.load_watch import LoadWatch
from malaria.tui.own_terminal import OwnTerminal

FIELD = Swarm(name="field", bee=(BeeHost(name="bee-1", host="10.0.0.3"),))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MALARIA_PASSWORD", raising=False)
    return install(monkeypatch)


@pytest.mark.parametrize(("outcome", "code"), EXIT_CODES.items())
def test_the_exit_code_is_the_verdict(outcome: str, code: int, calls: Calls) -> None:
    calls.outcome = outcome
    assert main(["attack", "x"]) == code


def test_the_documented_exit_codes() -> None:
    assert EXIT_CODES == {"PASS": 0, "FAIL": 1, "INVALID": 3, "UNKNOWN": 4}


def test_what_is_left_behind(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "broker:1884", "-o", "there", "--workers", "3"]) == 0
    (request,) = calls.requests
    assert (request.directory, request.workers, request.title) == (Path("there"), 3, "attack")
    assert request.command == "malaria attack broker:1884 -o there --workers 3"
    assert calls.written == [(RECORDS, calls.summary, Path("there"))]
    assert calls.printed == [calls.summary]
    assert "page       there/report.html" in capsys.readouterr().out
    title, load, _, quiet = calls.views[0]
    assert title == "malaria attack mqtt://broker:1884"
    assert load == "10 clients + 1 subscriber · 100 B · QoS 1 · every 1 s · 30 s"
    assert quiet is False


def test_quiet_prints_nothing(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "x", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert calls.printed == []
    assert calls.views[0][3] is True


def test_quiet_says_in_a_line_why_it_did_not_pass(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    calls.outcome = "FAIL"
    assert main(["attack", "x", "--quiet", "-o", "there"]) == 1
    assert capsys.readouterr() == ("", "FAIL: as the figures say (there/report.html)\n")


def test_json_on_stdout_is_alone_there(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "x", "--json", "-"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == calls.summary
    assert "report.html" in err


def test_json_in_a_file(calls: Calls) -> None:
    assert main(["attack", "x", "--json", "s.json"]) == 0
    assert json.loads(Path("s.json").read_text()) == calls.summary


@pytest.mark.parametrize(
    "arguments",
    [
        ["mqtt://me:s3cret@x", "-c", "5"],
        ["mqtt://me@x", "-P", "s3cret", "-c", "5"],
        ["mqtt://me@x", "-Ps3cret", "-c", "5"],
        ["mqtt://me@x", "--password", "s3cret", "-c", "5"],
        ["mqtt://me@x", "--password=s3cret", "-c", "5"],
    ],
)
def test_a_password_goes_to_the_broker_and_nowhere_else(
    arguments: list[str], calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["attack", *arguments]) == 0
    (request,) = calls.requests
    assert request.target.password == "s3cret"
    assert request.warhead.groups[0].credentials_at(0, "r") == ("me", "s3cret")
    assert request.command.removesuffix(" -c 5") in ("malaria attack mqtt://me@x", "malaria attack mqtt://me@x:1883")
    assert "s3cret" not in str(calls.views) + repr(request) + "".join(capsys.readouterr())


def test_a_password_from_the_environment(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALARIA_PASSWORD", "s3cret")
    assert main(["attack", "x", "-u", "me"]) == 0
    assert (calls.requests[0].target.username, calls.requests[0].target.password) == ("me", "s3cret")


def test_a_public_broker_after_two_confirmations(calls: Calls) -> None:
    confirm = "--i-am-allowed-to-load-this-broker"
    assert main(["attack", "test.mosquitto.org", confirm]) == 2
    assert calls.requests == []
    assert main(["attack", "test.mosquitto.org", confirm, confirm]) == 0


def test_without_room_for_the_page_the_verdict_still_stands(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("malaria.outputs.files.write_attack_files", full)
    assert main(["attack", "x"]) == 0
    assert calls.printed == [calls.summary]
    assert "the page could not be written: No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize(("outcome", "code"), EXIT_CODES.items())
def test_ctrl_c_while_the_page_is_written_leaves_the_verdict(
    outcome: str, code: int, calls: Calls, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> None:
        Path("there", "run.db").touch()
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the page was written on")

    monkeypatch.setattr("malaria.outputs.files.write_attack_files", write)
    calls.outcome = outcome
    assert main(["attack", "x", "-o", "there"]) == code
    assert capsys.readouterr().err == "stopped; the run is stored, and shown by: malaria report there\n"


def test_ctrl_c_before_the_verdict_of_a_stored_run_ends_with_4(
    calls: Calls, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def conduct(request: Any, *_: object) -> None:
        request.directory.mkdir()
        (request.directory / "run.db").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("malaria.attacks.runner.conduct", conduct)
    assert main(["attack", "x", "-o", "there"]) == 4
    assert capsys.readouterr().err == "stopped; the run is stored, and shown by: malaria report there\n"


def test_the_command_is_kept_without_what_opens_a_door() -> None:
    arguments = ["attack", "wss://x", "--header", "A: s3cret", "--header=B: s3cret", "--psk", "s3cret", "-c", "2"]
    assert command_line(arguments, "wss://x", parse_target("wss://x")) == "malaria attack wss://x -c 2"


def test_the_command_can_be_typed_again() -> None:
    arguments = ["attack", "x", "-t", "a/{client}/#", "--fail-if", "ack.p99 > 500ms"]
    assert shlex.split(command_line(arguments, "x", parse_target("x"))) == ["malaria", *arguments]


@pytest.mark.parametrize(("user", "said"), [(0, True), (1000, False)])
def test_who_conducts_as_root_is_told(
    user: int, said: bool, calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("malaria.swarm.hosts.state.load_swarm", lambda name: FIELD)
    assert main(["attack", "x", "--swarm", "field"]) == 0
    assert ("conducting as root" in capsys.readouterr().err) is said


def test_the_load_is_made_where_the_operator_says(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("malaria.swarm.hosts.state.load_swarm", lambda name: FIELD)
    assert main(["attack", "x", "--swarm", "field", "--workers", "3"]) == 0
    assert main(["attack", "x", "--scheduler", "tls://10.0.0.9:8786"]) == 0
    assert main(["attack", "x"]) == 0
    bees, cluster, here = (request.launcher for request in calls.requests)
    assert (bees.swarm, asyncio.run(bees.find()), bees.workers, bees.scheduler) == ("field", ("bee-1",), 3, "")
    assert (cluster.swarm, cluster.scheduler, cluster.workers) == ("tls://10.0.0.9:8786", "tls://10.0.0.9:8786", None)
    assert here is None


def test_two_places_at_once_are_refused(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "x", "--swarm", "field", "--scheduler", "tls://x:1"]) == 2
    assert "cannot be used together" in capsys.readouterr().err


@pytest.mark.parametrize(
    "login", ["me:x@sekrit99", "me:sekrit99", ":sekrit99", "me:a,sekrit99=b", "me:@@sekrit99@", "m@e:a:sekrit99"]
)
def test_no_part_of_a_password_in_a_url_is_in_the_command(login: str) -> None:
    arguments = ["attack", "x", "--observe", f"sys,process=ssh://me@h:22/m,prometheus=http://{login}@h:9/metrics?a=b@c"]
    kept = command_line(arguments, "x", parse_target("x"))
    assert "sekrit" not in kept
    assert kept.endswith("process=ssh://me@h:22/m,prometheus=http://h:9/metrics?a=b@c'")


@pytest.mark.parametrize("file", ["nowhere/x.json", "."])
def test_a_json_file_that_cannot_be_written_is_found_before_the_load(file: str, calls: Calls) -> None:
    assert main(["attack", "x", "--json", file]) == 2
    assert calls.requests == []


def test_a_json_file_that_a_full_disk_refuses_leaves_the_exit_code_of_the_verdict(calls: Calls) -> None:
    calls.outcome = "FAIL"
    assert main(["attack", "x", "--json", "/dev/full"]) == 1


@pytest.mark.parametrize(
    "command", [["attack", "x"], ["capacity", "x"], ["attack", "x", "--repeat", "2"], ["publish", "x"]]
)
def test_the_full_screen_needs_a_terminal(
    command: list[str], calls: Calls, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert main([*command, "--tui"]) == 2
    assert "error: --tui needs a terminal: the output goes to a file or a pipe" in capfd.readouterr().err
    assert calls.requests == []
    assert not Path("runs").exists()


def test_the_full_screen_and_quiet_are_two_things(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "x", "--tui", "--quiet"]) == 2
    assert "--tui cannot be used with --quiet" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["attack", "x", "-o", "there"], ["capacity", "x"]])
def test_the_full_screen_follows_the_attack(
    command: list[str], calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    screens: list[FullScreen] = []

    def open_there(title: str, plain: Callable[[], Any], tell: Callable[[str], None]) -> FullScreen:
        opened.append(title)
        terminal = OwnTerminal(os.open(os.devnull, os.O_RDWR))
        screens.append(FullScreen(LoadWatch(title), terminal, plain, tell))
        return screens[-1]

    monkeypatch.setattr("malaria.tui.full_screen.open_screen", open_there)
    monkeypatch.setattr(FullScreen, "open", lambda _: None)
    assert main([*command, "--tui"]) == 0
    assert opened[0].startswith(f"malaria {command[0]}")
    (request,) = calls.requests
    assert request.followers == (screens[0].watch,)
    picture = screens[0].watch.picture()
    if command[0] == "capacity":
        assert (picture.title, picture.place) == (
            "malaria capacity · its load",
            "level 3 of 3, about 41 min left · level 3",
        )
        assert "level 3: PASS" in capsys.readouterr().err, "what was told meanwhile is printed afterwards"
