"""A flame graph, as SVG that needs neither script nor network: the innermost calls on top, width is share of time.

The same stacks give the same picture: siblings stand in order of their names, colours come from the name alone. Blue is
the program, orange the kernel, which the colour-blind can tell apart; the pointer shows a frame's name and share.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from malaria.report.page.markup import text

ROW_PX: Final = 17
LEAST_SHARE: Final = 0.001
"""Frames narrower than this part of the whole are not drawn: nobody could see them."""
LETTERED_SHARE: Final = 0.015
"""Frames narrower than this have their name only under the pointer."""
MOST_FRAMES: Final = 3_000
KERNEL: Final = "_[k]"
PROGRAM_COLOURS: Final = ("#8CC7EA", "#7ABEE6", "#A1D2EF", "#6FB8E3")
KERNEL_COLOURS: Final = ("#F2C063", "#EFB54B", "#F5CC80", "#EDAE3A")


@dataclass(slots=True)
class Frame:
    """A function and what it called; `samples` counts those in it or below."""

    samples: int = 0
    callees: dict[str, Frame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Box:
    """One frame of the picture: where it begins and how wide it is, as parts of the whole; `depth` 0 is the lowest."""

    name: str
    left: float
    width: float
    depth: int
    samples: int


def tree(stacks: Mapping[str, int]) -> Frame:
    """Folded stacks as a tree."""
    root = Frame()
    for stack, samples in stacks.items():
        frame = root
        frame.samples += samples
        for name in stack.split(";"):
            frame = frame.callees.setdefault(name, Frame())
            frame.samples += samples
    return root


def boxes(root: Frame) -> list[Box]:
    """The frames that are wide enough to be seen, from the lowest up; at most MOST_FRAMES."""
    made: list[Box] = []
    row = [("", 0.0, root)]
    depth = -1
    while row and len(made) < MOST_FRAMES:
        shown = [(name, left, frame) for name, left, frame in row if frame.samples >= LEAST_SHARE * root.samples]
        if depth >= 0:
            made += [Box(name, left, frame.samples / root.samples, depth, frame.samples) for name, left, frame in shown]
        row = [callee for _, left, frame in shown for callee in _callees(frame, left, root.samples)]
        depth += 1
    return made[:MOST_FRAMES]


def _callees(frame: Frame, left: float, whole: int) -> Iterator[tuple[str, float, Frame]]:
    for name, callee in sorted(frame.callees.items()):
        yield name, left, callee
        left += callee.samples / whole


def flame_graph(stacks: Mapping[str, int], says: str) -> str:
    """The picture. `says` is for those who cannot see it."""
    root = tree(stacks)
    if not root.samples:
        return ""
    drawn = boxes(root)
    height_px = (max(box.depth for box in drawn) + 1) * ROW_PX
    frames = "".join(_drawn(box, height_px) for box in drawn)
    return (
        f'<div class="scroll"><svg class="flame" role="img" aria-label="{text(says)}" width="100%" '
        f'height="{height_px}">{frames}</svg></div>'
    )


def _drawn(box: Box, height_px: int) -> str:
    top_px = height_px - (box.depth + 1) * ROW_PX
    name = box.name.removesuffix(KERNEL)
    share = f"{100 * box.width:.1f} %, {box.samples:,} sample{'' if box.samples == 1 else 's'}"
    letters = f'<text x="3" y="12">{text(name)}</text>' if box.width >= LETTERED_SHARE else ""
    return (
        f'<svg x="{100 * box.left:.3f}%" y="{top_px}" width="{100 * box.width:.3f}%" height="{ROW_PX - 1}">'
        f"<title>{text(name)}: {share}</title>"
        f'<rect width="100%" height="100%" fill="{colour(box.name)}"/>{letters}</svg>'
    )


def colour(name: str) -> str:
    colours = KERNEL_COLOURS if name.endswith(KERNEL) else PROGRAM_COLOURS
    return colours[zlib.crc32(name.encode(errors="replace")) % len(colours)]


def widest(stacks: Mapping[str, int], most: int = 3) -> Iterable[str]:
    """The functions in which most samples ended, for words beside the picture."""
    ends: dict[str, int] = {}
    for stack, samples in stacks.items():
        name = stack.rpartition(";")[2].removesuffix(KERNEL)
        ends[name] = ends.get(name, 0) + samples
    return sorted(ends, key=lambda name: (-ends[name], name))[:most]
