"""The commands of a swarm, as far as they go without a host."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from malaria.cli.main import app, main
from malaria.cli.swarm import COMMANDS
from malaria.cli.swarm.app import EXAMPLES
from malaria.ssh.ssh_failures import SshError
from malaria.swarm.hosts.holding import BeeHeldError, Holder
from malaria.swarm.hosts.inventory import BeeHost
from malaria.swarm.hosts.state import list_swarms, load_swarm

NAMES = ["list", "add", "up", "prepare", "deploy", "share-keys", "status", "abort", "remove", "down", "collect"]
ONLY_FOR_SWARMS = ("asyncssh", "boto3", "botocore", "dask", "distributed", "cryptography")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path / "home"))


def commands() -> dict[str, typer.core.TyperCommand]:
    group = typer.main.get_group(app).commands["swarm"]
    return group.commands  # type: ignore[attr-defined,no-any-return]


def test_every_command_and_option_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(commands()) == NAMES
    for name, command in commands().items():
        assert main(["swarm", name, "--help"]) == 0
        assert "--swarm" in capsys.readouterr().out or name == "list"
        assert all(parameter.hidden or parameter.help for parameter in command.params)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_examples_of_each_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert COMMANDS[name][1]
    for example in COMMANDS[name][1]:
        assert example in shown
        assert example.startswith(f"malaria swarm {name}")


OF_THE_GROUP = [part for line in EXAMPLES for part in line.split("; ")]


@pytest.mark.parametrize("example", [*OF_THE_GROUP, *(line for _, lines in COMMANDS.values() for line in lines)])
def test_every_example_is_a_command(example: str) -> None:
    words = shlex.split(example.partition(" > ")[0])
    assert words[0] == "malaria"
    if words[1] == "swarm":
        commands()[words[2]].make_context(words[2], words[3:])


def test_hosts_are_added_from_the_command_line_and_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = tmp_path / "bees.toml"
    inventory.write_text('[[bee]]\nname = "east"\nhost = "e"\ndirectory = "/srv/m"\n')
    assert main(["swarm", "add", "karl@a", "b:2222", "--jump", "gate", "--inventory", str(inventory)]) == 0
    assert load_swarm("bees").hosts == (
        BeeHost(name="bee-1", host="a", user="karl", jump="gate", directory="~/.malaria"),
        BeeHost(name="bee-2", host="b", port=2222, jump="gate", directory="~/.malaria"),
        BeeHost(name="east", host="e", jump="gate", directory="/srv/m"),
    )
    monkeypatch.setenv("MALARIA_SWARM", "night")  # an attack would not obey it, so no command does
    assert main(["swarm", "add", "x"]) == 0
    assert len(load_swarm("bees").hosts) == 4


def test_several_inventories_add_up(tmp_path: Path) -> None:
    tables = '[[bee]]\nhost = "{}"\n'
    files = {"one.toml": tables.format("a") + tables.format("b"), "two.toml": tables.format("c"), "three.txt": "d\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    words = [word for name in files for word in ("--inventory", str(tmp_path / name))]
    assert main(["swarm", "add", *words]) == 0
    assert {bee.name: bee.host for bee in load_swarm("bees").hosts} == {
        "bee-1": "a",
        "bee-2": "b",
        "bee-3": "c",
        "bee-4": "d",
    }


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["swarm", "add"], "no host is named"),
        (["swarm", "add", "-x"], "there is no option -x"),
        (["swarm", "add", "a", "a"], "a is already a bee"),
        (["swarm", "add", "a", "--directory", "~"], "cannot be the bee"),
        (["swarm", "add", "--inventory", "/nonexistent"], "/nonexistent"),
        (["swarm", "status"], "there is no swarm 'bees'"),
        (["swarm", "abort", "--swarm", "../x"], "name"),
        (["swarm", "down"], "there is no swarm 'bees'"),
        (["swarm", "up", "0", "--region", "r", "--image", "i"], "greater than or equal to 1"),
        (["swarm", "down", "--bee", "a", "--region", "r"], "--region is for a whole swarm"),
        (["swarm", "prepare", "--script", "--bee", "a"], "--bee cannot be used with --script"),
        (["swarm", "prepare", "--script", "--swarm", "field"], "--swarm cannot be used with --script"),
        (["swarm", "prepare", "--script", "--no-packages"], "sh FILE /etc no-packages"),
    ],
)
def test_what_cannot_be_is_refused(command: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 2
    assert said in capsys.readouterr().err


def test_keys_must_be_there_before_hosts_are_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", "add", "a"]) == 0
    assert main(["swarm", "share-keys", str(tmp_path / "none.psk")]) == 2
    assert "none.psk" in capsys.readouterr().err


def test_the_script_that_prepares_can_be_read_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", "prepare", "--script"]) == 0
    assert capsys.readouterr().out.startswith("#!/bin/sh\n")


def test_what_only_a_swarm_needs_is_not_imported_without_one() -> None:
    program = (
        "import sys, malaria.cli.main as m, malaria.attacks.runner, malaria.workers.local\n"
        "m.main(['swarm', '--help'])\n"
        f"sys.exit(','.join(sorted(set(sys.modules) & set({ONLY_FOR_SWARMS!r}))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_extra_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["swarm", "up", "1", "--region", "r", "--image", "i"]) == 2
    assert "pip install 'mqtt-malaria[swarm]'" in capsys.readouterr().err


def test_the_known_swarms_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", "list"]) == 0
    assert "no swarm is known" in capsys.readouterr().out
    assert main(["swarm", "add", "karl@a", "b", "--swarm", "night"]) == 0
    capsys.readouterr()
    assert main(["swarm", "list"]) == 0
    assert capsys.readouterr().out == "night: 2 bees\n  bee-1 (karl@a)\n  bee-2 (b)\n"
    assert main(["swarm", "list", "--json", "-"]) == 0
    bees = [{"bee": "bee-1", "address": "karl@a"}, {"bee": "bee-2", "address": "b"}]
    assert json.loads(capsys.readouterr().out) == [{"swarm": "night", "region": None, "bees": bees}]


@pytest.fixture
def one_mistyped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bees, of which the second does not exist."""

    async def clear_one(force: bool, host: BeeHost) -> None:
        if host.host == "b":
            raise SshError("no such host", "check the spelling")

    monkeypatch.setattr("malaria.swarm.hosts.teardown._clear_one", clear_one)
    assert main(["swarm", "add", "a", "b"]) == 0


@pytest.mark.usefixtures("one_mistyped")
def test_a_mistyped_host_stays_until_it_is_forgotten_by_force(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", "down"]) == 1
    assert "--force" in capsys.readouterr().out
    assert [bee.host for bee in load_swarm("bees").hosts] == ["b"]
    assert main(["swarm", "down", "--force"]) == 0
    assert list_swarms() == []


@pytest.mark.usefixtures("one_mistyped")
def test_a_bee_is_taken_out_and_the_others_stay() -> None:
    assert main(["swarm", "remove", "bee-2"]) == 1
    assert main(["swarm", "remove", "bee-2", "--force"]) == 0
    assert [bee.host for bee in load_swarm("bees").hosts] == ["a"]
    assert main(["swarm", "remove", "bee-9"]) == 2
    assert main(["swarm", "down", "--bee", "bee-1"]) == 0
    assert list_swarms() == []


def test_bees_are_chosen_of_a_swarm_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "127.0.0.1:1", "--bee", "bee-1"]) == 2
    assert "--bee and --without choose bees of a swarm" in capsys.readouterr().err


KARL = Holder("karl@desk", "2026-11-29 12:03 UTC", "malaria attack mqtt://broker", "17")


@pytest.fixture
def one_in_use(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Two bees, of which another person uses the second. Returns (host, force) of each load that is ended."""
    ended: list[tuple[str, bool]] = []

    async def abort_one(force: bool, host: BeeHost) -> int:
        if host.host == "b" and not force:
            raise BeeHeldError(KARL)
        ended.append((host.host, force))
        return 2

    async def clear_one(force: bool, host: BeeHost) -> None:
        await abort_one(force, host)

    monkeypatch.setattr("malaria.swarm.hosts.teardown._abort_one", abort_one)
    monkeypatch.setattr("malaria.swarm.hosts.teardown._clear_one", clear_one)
    assert main(["swarm", "add", "a", "b"]) == 0
    return ended


@pytest.mark.parametrize("command", ["abort", "down"])
def test_the_load_of_others_is_not_ended_without_asking(
    command: str,
    one_in_use: list[tuple[str, bool]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("malaria.cli.swarm.app.at_terminal", lambda: False)
    assert main(["swarm", command]) == 1
    said = capsys.readouterr().out
    assert "in use by karl@desk since 2026-11-29 12:03 UTC: malaria attack mqtt://broker" in said
    assert "to end it all the same: --force" in said
    assert one_in_use == [("a", False)]


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 1)])
def test_at_a_terminal_the_operator_is_asked_about_the_load_of_others(
    answer: bool, code: int, one_in_use: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr("malaria.cli.swarm.app.at_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", confirm)
    assert main(["swarm", "abort"]) == code
    assert asked == ["Others use 1 bee. End their load?"]
    assert (("b", True) in one_in_use) is answer


def test_force_ends_the_load_of_others(one_in_use: list[tuple[str, bool]]) -> None:
    assert main(["swarm", "abort", "--force"]) == 0
    assert one_in_use == [("a", True), ("b", True)]
