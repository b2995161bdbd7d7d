"""A flame graph without script or network: the innermost calls on top, the width of a frame is its share of time.

The same stacks give the same picture: siblings are in order of their names, colours come from the name alone. Blue is
the program, orange the kernel, which the colour-blind can tell apart; the pointer shows a frame's name and share.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from malaria.units import format_things

ROW_PX: Final = 17
LEAST_SHARE: Final = 0.001
"""Frames narrower than this share of the whole are not drawn: they could not be seen."""
LETTERED_SHARE: Final = 0.015
"""Frames narrower than this show their name only under the pointer."""
MOST_FRAMES: Final = 3_000
KERNEL: Final = "_[k]"
PROGRAM_COLOURS: Final = ("#8CC7EA", "#7ABEE6", "#A1D2EF", "#6FB8E3")
KERNEL_COLOURS: Final = ("#F2C063", "#EFB54B", "#F5CC80", "#EDAE3A")


@dataclass(slots=True)
class StackNode:
    """A function and what it called; `samples` counts those in it or below."""

    samples: int = 0
    callees: dict[str, StackNode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FlameFrame:
    """One frame of the picture. `left` and `width` are shares of the whole; `depth` 0 is the lowest row."""

    symbol: str
    left: float
    width: float
    depth: int
    samples: int

    @property
    def name(self) -> str:
        return self.symbol.removesuffix(KERNEL)

    @property
    def share(self) -> str:
        return f"{100 * self.width:.1f} %, {format_things(self.samples, 'sample')}"

    @property
    def colour(self) -> str:
        return colour(self.symbol)

    @property
    def is_lettered(self) -> bool:
        return self.width >= LETTERED_SHARE


@dataclass(frozen=True, slots=True)
class FlameGraph:
    """The picture. `description` is for those who cannot see it."""

    description: str
    height_px: int
    frames: tuple[FlameFrame, ...]
    row_px: int = ROW_PX

    def top_px(self, frame: FlameFrame) -> int:
        return self.height_px - (frame.depth + 1) * self.row_px


def flame_graph(stacks: Mapping[str, int]) -> FlameGraph | None:
    """Return the picture of folded stacks; None if there are no samples."""
    root = stack_tree(stacks)
    if not root.samples:
        return None
    frames = flame_frames(root)
    height_px = (max(frame.depth for frame in frames) + 1) * ROW_PX
    names = ", ".join(widest(stacks))
    return FlameGraph(f"Flame graph of the broker's process; most time ended in {names}", height_px, tuple(frames))


def stack_tree(stacks: Mapping[str, int]) -> StackNode:
    """Return folded stacks as a tree."""
    root = StackNode()
    for stack, samples in stacks.items():
        node = root
        node.samples += samples
        for name in stack.split(";"):
            node = node.callees.setdefault(name, StackNode())
            node.samples += samples
    return root


def flame_frames(root: StackNode) -> list[FlameFrame]:
    """Return the frames that are wide enough to be seen, from the lowest row up; at most MOST_FRAMES."""
    made: list[FlameFrame] = []
    row = list(_callees(root, 0.0, root.samples))
    depth = 0
    while row and len(made) < MOST_FRAMES:
        # what is called by a frame that is too narrow is narrower still
        shown = [(name, left, node) for name, left, node in row if node.samples >= LEAST_SHARE * root.samples]
        made += [FlameFrame(name, left, node.samples / root.samples, depth, node.samples) for name, left, node in shown]
        row = [callee for _, left, node in shown for callee in _callees(node, left, root.samples)]
        depth += 1
    return made[:MOST_FRAMES]


def _callees(node: StackNode, left: float, whole: int) -> Iterator[tuple[str, float, StackNode]]:
    for name, callee in sorted(node.callees.items()):
        yield name, left, callee
        left += callee.samples / whole


def colour(symbol: str) -> str:
    # crc32, not hash(): the same name has the same colour in every run of Python
    colours = KERNEL_COLOURS if symbol.endswith(KERNEL) else PROGRAM_COLOURS
    return colours[zlib.crc32(symbol.encode(errors="replace")) % len(colours)]


def widest(stacks: Mapping[str, int], most: int = 3) -> list[str]:
    """Return the functions in which most samples ended, the largest first."""
    ends: dict[str, int] = {}
    for stack, samples in stacks.items():
        name = stack.rpartition(";")[2].removesuffix(KERNEL)
        ends[name] = ends.get(name, 0) + samples
    return sorted(ends, key=lambda name: (-ends[name], name))[:most]
