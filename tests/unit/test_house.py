"""The house: rooms, names and import circles, over the real files and the real import graph."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/malaria"
FLOORS = ROOT / "docs/design/001-floors.md"
MOST_ROOT_MODULES = 8
ENTRIES = {"__init__", "__main__", "api"}
"""Modules of the root that are no room: they are what `python -m malaria` and `import malaria` give."""


def modules() -> list[Path]:
    return [path for path in sorted(SOURCE.rglob("*.py")) if path.name != "__init__.py"]


def test_the_root_is_small() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= MOST_ROOT_MODULES


def imports_by_file() -> dict[str, set[str]]:
    """Every module and the modules it imports, imports inside functions and under TYPE_CHECKING included."""
    graph = grimp.build_graph("malaria", exclude_type_checking_imports=False, cache_dir=None)
    return {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other, directly or through others (Tarjan's strong components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in imports.get(name, ()):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            component = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(component) > 1:
                found.append(sorted(component))

    for name in sorted(imports):
        if name not in index:
            visit(name)
    return found


def test_no_modules_import_each_other() -> None:
    assert circles(imports_by_file()) == []


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_no_module_imports_itself_through_others() -> None:
    assert circles(imports_by_file()) == []


def rooms() -> set[str]:
    """The packages and modules directly below `malaria`."""
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    return packages | {path.stem for path in SOURCE.glob("*.py")} - ENTRIES


def contracts() -> list[dict[str, object]]:
    listed: list[dict[str, object]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    return listed


def test_the_page_of_floors_is_the_contract() -> None:
    (block,) = re.findall(r"```\n(.*?)```", FLOORS.read_text(), re.S)
    (layers,) = (contract["layers"] for contract in contracts() if contract["type"] == "layers")
    assert block.splitlines() == layers


def test_the_page_of_floors_names_every_room() -> None:
    text = FLOORS.read_text()
    (block,) = re.findall(r"```\n(.*?)```", text, re.S)
    described = {name for row in re.findall(r"^\| (`.*?) \|", text, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert set(re.findall(r"\w+", block)) == rooms() == described


def test_every_room_is_forbidden_to_import_the_engine() -> None:
    (sources,) = (c["source_modules"] for c in contracts() if c.get("forbidden_modules") == ["malaria.engine"])
    assert isinstance(sources, list)
    assert {name.removeprefix("malaria.") for name in sources} == rooms() - {"engine"}


def test_words_live_where_the_glossary_says() -> None:
    places = re.findall(r"\| `([^`]+)` \|$", (ROOT / "docs/words.md").read_text(), re.M)
    assert len(places) > 30
    assert [place for place in places if not (ROOT / place).exists()] == []
