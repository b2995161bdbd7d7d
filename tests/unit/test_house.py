"""The house: rooms, names and import circles, over the real files and the real import graph."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/malaria"
FLOORS = ROOT / "docs/design/001-floors.md"
MOST_ROOT_MODULES = 8
ENTRIES = {"__init__", "__main__", "api"}
"""Modules of the root that are no room: they are what `python -m malaria` and `import malaria` give."""


pytestmark = pytest.mark.xdist_group("house")  # one worker process parses all files, not each of them


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


def test_no_module_imports_itself_through_others() -> None:
    assert circles(imports_by_file()) == []


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


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


RIDDLES = re.compile(
    r"(Who|Whom|Whose|What|Whether|As|Of|It|In|None|Those|The same|How|Why|Where|When|From|Until|To|For|By|With|"
    r"Without|One|Two|All|Every|Each|No|Nobody|Nothing|They|This|That|These|Not|Neither|Either|Both|Such|Same)\b"
)
"""Beginnings of a docstring that does not say first what the thing does."""


NO_VERBS = re.compile(r"(The|A|An|Our|Its|Their|Something|On|Only|Like|[A-Z]{4,}|[a-z])\b")
"""Beginnings of a docstring of a function (not of a property) that is no verb."""
QUESTIONS = re.compile(r"(Who|Whom|Whoever|What|Whether|How|Why|Where|When)\b")


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


def test_docstrings_say_first_what_the_thing_does() -> None:
    riddles = [
        f"{path.relative_to(SOURCE)}: {docstring.partition('\n')[0]}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef)
        if RIDDLES.match(docstring := ast.get_docstring(node) or "")
    ]
    assert riddles == []


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    without = [
        f"{path.relative_to(SOURCE)}: {node.name}: {docstring.partition('\n')[0]}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
        if NO_VERBS.match(docstring := ast.get_docstring(node) or "")
    ]
    assert without == []


def test_docstrings_of_classes_are_no_questions() -> None:
    questions = [
        f"{path.relative_to(SOURCE)}: {node.name}: {docstring.partition('\n')[0]}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        if QUESTIONS.match(docstring := ast.get_docstring(node) or "")
    ]
    assert questions == []


def test_a_name_stands_for_one_thing() -> None:
    """File names, and names of classes and types."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, tree in trees().items():
        where = str(path.relative_to(SOURCE))
        if path.name != "__init__.py":
            places[path.name].append(where)
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(where)
            elif isinstance(node, ast.TypeAlias):
                places[node.name.id.lstrip("_")].append(where)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_functions_and_modules_are_small() -> None:
    """No function over 60 lines without its docstring, no module over 600."""
    long = [
        f"{path.relative_to(SOURCE)}: {node.name}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > 60
    ]
    assert long == []
    assert [str(path) for path in trees() if path.read_text().count("\n") > 600] == []


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = ast.get_docstring(function, clean=False)
    return (function.end_lineno or 0) - function.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)


def test_files_go_over_ssh_in_one_place() -> None:
    users = [str(path.relative_to(SOURCE)) for path in trees() if "start_sftp_client" in path.read_text()]
    assert users == ["ssh/remote_files.py"]


PRINTS = {"print", "typer.echo", "typer.secho", "click.echo", "sys.stdout.write", "sys.stderr.write",
          "traceback.print_exc", "traceback.print_exception", "Console", "rich.print", "os.write"}  # fmt: skip
DOORS = {
    "cli/output.py": "the door: it cleans what it prints",
    "cli/output_stream.py": "the streams behind the door",
}
AROUND = {
    "cli/main.py typer.echo": "the version, and help: texts of malaria itself",
    "cli/start.py os.write": "a constant sentence, before anything is imported",
    "swarm/run/bee_process.py traceback.print_exc": "its standard error is a file",
    "swarm/run/conductor_channel.py traceback.print_exc": "its standard error is a file",
    "tui/own_terminal.py os.write": "the drawing of textual, from lines that are clean",
    "tui/load_app.py Console": "takes what textual says of a failure, with local variables; nobody reads it",
    "swarm/run/bee_process.py os.write": "a pipe to the conductor",
}
"""Calls that print past the door, and why nothing from outside reaches a terminal through them."""


def test_everything_is_printed_through_one_door() -> None:
    """What is printed may hold names, files and texts of a broker: `cli/output.py` cleans them in one place."""
    found = {
        f"{path.relative_to(SOURCE)} {ast.unparse(node.func)}"
        for path, tree in trees().items()
        if str(path.relative_to(SOURCE)) not in DOORS
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in PRINTS
    }
    assert found == set(AROUND)
