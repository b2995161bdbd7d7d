"""The command line has the load options of the table, and passes on what was typed."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from malaria.cli.main import app
from malaria.cli.options import SECRET_FLAGS, FromFile, Result, Where, takes
from malaria.cli.options_page import options_page
from malaria.model.option_table import OPTIONS, LoadOptions, options_of

COMMANDS = typer.main.get_group(app).commands


@pytest.mark.parametrize("name", OPTIONS)
def test_commands_have_the_load_options_that_the_table_gives_them(name: str) -> None:
    entry = OPTIONS[name]
    assert entry.commands <= COMMANDS.keys()
    for command in entry.commands:
        (parameter,) = (made for made in COMMANDS[command].params if made.name == name)
        assert (tuple(parameter.opts), parameter.help, parameter.envvar) == (entry.flags, entry.help, entry.variable)


@pytest.mark.parametrize("command", ["attack", "publish", "subscribe", "connect", "campaign", "doctor", "watch"])
def test_no_command_has_an_option_twice(command: str) -> None:
    flags = [flag for parameter in COMMANDS[command].params for flag in parameter.opts]
    assert len(flags) == len(set(flags))
    assert options_of(command)


@pytest.mark.parametrize("shape", [Where, FromFile, Result])
def test_other_options_are_no_load_options(shape: type) -> None:
    assert not {field.name for field in fields(shape)} & OPTIONS.keys()


def run(words: list[str]) -> tuple[tuple[str, ...], Where, LoadOptions]:
    given: list[Any] = []

    @takes(Where, load="attack")
    def command(arguments: tuple[str, ...], where: Where, load: LoadOptions) -> int:
        given.extend((arguments, where, load))
        return 0

    program = typer.Typer()
    program.command()(command)
    program(words, standalone_mode=False, obj=tuple(words))
    return given[0], given[1], given[2]


def test_options_that_are_not_given_are_absent() -> None:
    assert run([]) == ((), Where(), LoadOptions())


def test_options_arrive_as_they_were_typed() -> None:
    words = [
        "broker",
        "-c",
        "5",
        "--keep-session",
        "--source-address",
        "a",
        "--source-address",
        "b",
        "-q",
        "0",
        "-I",
        "0",
        "--seed",
        "0",
        "-u",
        "me",
    ]
    _, where, load = run(words)
    assert where == Where("broker", "me")
    assert load == LoadOptions(clients=5, keep_session=True, source_address=["a", "b"], qos=0, interval="0", seed=0)
    assert load["source_address"] == ("a", "b")


def test_secrets_are_known() -> None:
    assert set(SECRET_FLAGS) == {"-P", "--password", "--psk", "--header"}
    assert "s3cret" not in repr(LoadOptions(psk="s3cret", header=["Authorization: s3cret"], qos=1))
    with pytest.raises(TypeError, match="there is no load option clinets"):
        LoadOptions(clinets=5)


def test_the_list_of_options_is_that_of_the_table() -> None:
    """`python -m malaria.cli.options_page > docs/options.md` writes it anew."""
    assert (Path(__file__).parents[3] / "docs/options.md").read_text() == options_page()


def test_observers_are_named_alike_for_every_command() -> None:
    texts = {
        parameter.help for command in COMMANDS.values() for parameter in command.params if "--observe" in parameter.opts
    }
    assert len(texts) == 1
