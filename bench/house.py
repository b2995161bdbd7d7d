"""Count rooms and arrows of the house: `uv run python -m bench.house [SRC]`, over the real import graph.

A room is a package or a loose module directly below `malaria`. An arrow leads from a room to another one that it
imports. The arrows that matter are those of the transitive reduction: what is left when every arrow that follows from
others is taken away. SRC is the folder that holds the package `malaria`, by default this checkout's `src`; give that of
an older checkout to compare the two.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parents[1] / "src"


def room_of(module: str) -> str:
    """Return the room that a module stands in: `malaria.plan.clients` is in `plan`."""
    return module.split(".")[1] if "." in module else ""


def arrows_between_rooms(source: Path) -> dict[str, set[str]]:
    """Return which rooms each room imports; `errors`, `units` and `clock` are rooms too."""
    sys.path.insert(0, str(source))
    import grimp  # after the path is set: grimp finds the package to read by importing it

    graph = grimp.build_graph("malaria", cache_dir=None)
    arrows: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        if room := room_of(module):
            arrows[room] |= {room_of(other) for other in graph.find_modules_directly_imported_by(module)} - {room, ""}
    return dict(arrows)


def reachable(arrows: dict[str, set[str]], start: str, without: str = "") -> set[str]:
    """Return the rooms that can be reached from `start`, not taking the direct arrow to `without`."""
    found: set[str] = set()
    waiting = [room for room in arrows.get(start, ()) if room != without]
    while waiting:
        room = waiting.pop()
        if room not in found:
            found.add(room)
            waiting += arrows.get(room, ())
    return found


def reduced(arrows: dict[str, set[str]]) -> int:
    """Count the arrows that no other way replaces."""
    return sum(other not in reachable(arrows, room, without=other) for room in arrows for other in arrows[room])


def main() -> None:
    source = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE
    arrows = arrows_between_rooms(source)
    package = source / "malaria"
    files = [path for path in package.rglob("*.py") if path.name != "__init__.py"]
    print(f"modules                        {len(files)}")
    print(f"modules in the root            {len(list(package.glob('*.py')))}")
    print(f"rooms                          {len(arrows)}")
    print(f"arrows between rooms           {sum(map(len, arrows.values()))}")
    print(f"arrows that matter             {reduced(arrows)}")
    print(f"rooms that import engine       {sum('engine' in others for others in arrows.values())}")


if __name__ == "__main__":
    main()
