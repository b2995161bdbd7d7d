"""The house: rooms, names and import circles, over the real files and the real import graph."""

from __future__ import annotations

from pathlib import Path

import grimp

SOURCE = Path(__file__).parents[2] / "src/malaria"
MOST_ROOT_MODULES = 8


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


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


NOT_YET_BROKEN = [["malaria.swarm.hosts.pythons", "malaria.swarm.hosts.wheels"]]


def test_no_module_imports_itself_through_others() -> None:
    found = [circle for circle in circles(imports_by_file()) if circle not in NOT_YET_BROKEN]
    assert found == []
