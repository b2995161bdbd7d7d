"""What the documents point to is there, and the README knows every command."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer

from malaria.cli.main import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
TEXTS = (*DOCUMENTS, *(path for name in ("src", "examples", "campaigns", "bench") for path in ROOT.glob(f"{name}/**/*")
                       if path.suffix in (".py", ".toml", ".yaml", ".md")))  # fmt: skip
LINK = re.compile(r"\]\(([^)\s]+)\)")
MENTION = re.compile(
    r"\b(?:src|docs|campaigns|examples|bench|tests)/[\w./-]*\w\.(?:md|toml|py|png|yaml|wh|html|json)\b"
)
COMMANDS: Any = typer.main.get_group(app)
EXAMPLES_OF_NAMES = {"src/malaria/cli/NAME.py"}


def anchors(document: Path) -> set[str]:
    """The headings of a document, as links to them are written."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text()):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = document.parent / place if place else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_file_that_a_text_names_is_there() -> None:
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in TEXTS
        for name in MENTION.findall(path.read_text())
        if name not in EXAMPLES_OF_NAMES and not (ROOT / name).exists() and not (path.parent / name).exists()
    }
    assert not missing


def test_the_readme_names_every_command() -> None:
    table = (ROOT / "README.md").read_text().partition("| command | does |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines() if "|" in line[1:])))
    assert told == set(COMMANDS.commands)


def test_the_page_of_additions_names_what_is_in_the_code() -> None:
    """Each name in capitals or with an underscore stands in one of the files of its entry."""
    of_new_modules = {"NAME", "EXAMPLES"}
    entries = re.split(r"\n(?=- |## )", (ROOT / "docs/adding.md").read_text())
    missing = []
    for entry in entries:
        files = [ROOT / name for name in MENTION.findall(entry) if name not in EXAMPLES_OF_NAMES]
        code = "\n".join(path.read_text() for path in files)
        names = [
            name
            for name in re.findall(r"`([A-Za-z_]+)`", entry)
            if name not in of_new_modules and re.search("[A-Z_]", name)
        ]
        missing += [name for name in names if files and not re.search(rf"\b{name}\b", code)]
    assert missing == []


def commands_in(document: Path) -> list[list[str]]:
    """The words after `malaria` of each command in a block for a shell or in a code span, up to ; | > or a comment."""
    text = document.read_text()
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ").splitlines()
    found = [match[1] for line in lines if (match := re.search(r"(?:^|\s)malaria ([a-z].*)", line))]
    commands = []
    for line in found + re.findall(r"`malaria ([a-z][^`]*)`", text):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|>")
        lexer.whitespace_split = True
        commands.append(list(takewhile(lambda word: not set(word) <= set(";|>"), lexer)))
    return commands


def test_every_command_of_the_documents_has_its_options() -> None:
    wrong = []
    for document in DOCUMENTS:
        for words in commands_in(document):
            command: Any = COMMANDS
            rest = list(words)
            while rest and rest[0] in getattr(command, "commands", {}):
                command = command.commands[rest.pop(0)]
            known = {"--help"} | {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
            stated = {word.partition("=")[0] for word in rest if re.match("-[A-Za-z-]", word)}
            if (hasattr(command, "commands") and rest) or not stated <= known:
                wrong.append(f"{document.relative_to(ROOT)}: malaria {shlex.join(words)}")
    assert wrong == []
