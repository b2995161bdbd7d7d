"""The examples are warheads, and what the documentation says about warheads is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from malaria.cli.main import app
from malaria.model.option_table import KEYS as OPTIONS
from malaria.model.placeholders import PLACEHOLDERS
from malaria.model.target import parse_target
from malaria.model.threshold import FIGURES, LATENCIES, STATISTICS
from malaria.model.warhead import KEYS, describe, load_warhead, to_toml, warhead_from_toml
from malaria.transport.failures import ALERTS, CERTIFICATES, HANDSHAKES, PSK_UNUSED, REFUSED_END, SILENT_END

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
DOCUMENT = (ROOT / "docs" / "warhead.md").read_text()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_warhead(path: Path) -> None:
    warhead = load_warhead(path)
    assert describe(warhead)
    assert warhead_from_toml(to_toml(warhead)) == warhead


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_its_command_is_a_command(path: Path) -> None:
    (command,) = re.findall(r"^#   (malaria .*)$", path.read_text(), re.MULTILINE)
    assert f"-w examples/{path.name}" in command
    attack = typer.main.get_group(app).commands["attack"]
    assert attack.make_context("attack", shlex.split(command)[2:]).params["warhead"] == Path("examples") / path.name


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_document_lists_it(path: Path) -> None:
    assert f"examples/{path.name}" in DOCUMENT


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL))
def test_what_the_document_shows_is_a_warhead(block: str) -> None:
    assert warhead_from_toml(block).groups


WAYS_IN = (ROOT / "docs" / "ways-in.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", WAYS_IN, re.DOTALL))
def test_what_is_said_of_ways_in_is_a_warhead(block: str) -> None:
    assert warhead_from_toml(block).groups


@pytest.mark.parametrize("line", re.findall(r"^malaria .*$", WAYS_IN, re.MULTILINE))
def test_a_command_of_a_way_in_is_a_command(line: str) -> None:
    command = shlex.split(line.partition(" > ")[0])
    made = typer.main.get_group(app).commands[command[1]].make_context(command[1], command[2:])
    if command[1] == "attack":
        assert parse_target(made.params["target"])


@pytest.mark.parametrize(
    "quoted", re.findall(r"^\| (`.*?`) \|", WAYS_IN.partition("When no client can connect")[2], re.MULTILINE)
)
def test_what_is_said_to_be_said_is_said(quoted: str) -> None:
    table = [*ALERTS.values(), *CERTIFICATES.values(), *HANDSHAKES.values(), PSK_UNUSED, REFUSED_END, SILENT_END]
    told = " ".join(cause for cause, _ in table) + " this port speaks TLS WebSocket: 404 Not Found at path /x"
    assert all(words in told for words in re.findall(r"`(.*?)`", quoted))


@pytest.mark.parametrize(("table", "key"), sorted((table, key) for table, keys in KEYS.items() for key in keys))
def test_every_key_is_documented(table: str, key: str) -> None:
    assert f"`{key}`" in DOCUMENT or f"[{key}]" in DOCUMENT


def test_every_placeholder_figure_and_option_is_documented() -> None:
    for placeholder in PLACEHOLDERS:
        assert f"`{{{placeholder}}}`" in DOCUMENT
    for word in (*LATENCIES, *STATISTICS, *(key.partition(".")[2] for key in FIGURES)):
        assert f"`{word}`" in DOCUMENT
    for option in OPTIONS.values():
        assert option.flag.rpartition("/")[2] in DOCUMENT
