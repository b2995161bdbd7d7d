"""Pages and examples are found without a network, and every text that points to one names a command that prints it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import malaria
from malaria.cli import docs
from malaria.cli.main import main
from malaria.model.warhead import load_warhead

ROOT = Path(__file__).parents[3]
SOURCES = sorted((ROOT / "src/malaria").rglob("*.py"))
PATH_OF_CLONE = re.compile(r"\b(?:docs|bench|tests)/[\w./-]+")
COMMAND = re.compile(r"malaria docs (\w[\w./-]*\w)")
EXAMPLE = re.compile(r"\b(?:examples|campaigns|warheads)/[\w./-]*\w")


def texts(path: Path) -> list[str]:
    """The texts of a module that are no docstring."""
    tree = ast.parse(path.read_text())
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare
    ]


def test_the_list_has_every_page_and_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    pages = [path.stem for path in ROOT.glob("docs/*.md")]
    files = [
        path.relative_to(ROOT).as_posix()
        for name in docs.COPIED
        for path in ROOT.glob(f"{name}/**/*")
        if path.is_file()
    ]
    assert len(files) > 10
    assert sorted(names) == sorted(pages + files)


@pytest.mark.parametrize("name", ["warhead", "warhead.md", "docs/warhead.md"])
def test_a_page_is_printed_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", name]) == 0
    assert capsys.readouterr().out == (ROOT / "docs/warhead.md").read_text()


def test_an_example_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "examples/meters.toml"]) == 0
    assert capsys.readouterr().out == (ROOT / "examples/meters.toml").read_text()


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "../pyproject"]) == 2
    assert "there is no page or file '../pyproject'\n       `malaria docs` lists them" in capsys.readouterr().err


def test_a_copy_has_what_the_examples_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "--copy", str(tmp_path)]) == 0
    assert [path.name for path in sorted(tmp_path.iterdir())] == sorted(docs.COPIED)
    assert load_warhead(tmp_path / "examples/meters.toml").groups
    (tmp_path / "examples/meters.toml").write_text("mine")
    assert main(["docs", "--copy", str(tmp_path)]) == 2
    assert "examples exists" in capsys.readouterr().err
    assert (tmp_path / "examples/meters.toml").read_text() == "mine"


def test_an_installed_package_reads_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "shipped/docs/warhead.md"
    page.parent.mkdir(parents=True)
    page.write_text("# As installed\n")
    monkeypatch.setattr(malaria, "__path__", [str(tmp_path)])
    assert docs.shipped_files()["warhead"] == page


def test_no_text_points_to_a_file_of_the_clone() -> None:
    """Docstrings may: who reads them has the clone."""
    known = docs.shipped_files()
    named = 0
    for path in SOURCES:
        for text in texts(path):
            assert not PATH_OF_CLONE.search(text), path
            names = [*COMMAND.findall(text), *EXAMPLE.findall(text)]
            named += len(names)
            assert [name for name in names if name not in known] == [], path
    assert named > 10
