"""Counts the output of `perf script`: a table like that of `perf report`, and folded stacks for a flame graph. Pure.

A sample is a line `command pid`, a line `address symbol (object)` for each frame from the innermost outwards, and an
empty line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from malaria.records.perf_profile import Profile, ProfileRow

ROWS: Final = 40
"""Most rows of the table."""
MOST_STACKS: Final = 5_000
DEEPEST: Final = 127
UNKNOWN: Final = "[unknown]"
KERNEL: Final = "[kernel.kallsyms]"

_HEAD: Final = re.compile(r"(?P<command>\S.*?)\s+(?P<pid>\d+)\s*$")
_FRAME: Final = re.compile(r"\s+[0-9a-f]+ (?P<symbol>.*?)(?:\+0x[0-9a-f]+)? \((?P<object>.*)\)\s*$")


@dataclass(frozen=True, slots=True)
class StackSample:
    """One sample; its frames are (symbol, object), from the innermost outwards."""

    command: str
    frames: tuple[tuple[str, str], ...]


def read_script(lines: Iterable[str]) -> Iterator[StackSample]:
    """Yield the samples; skip any line that is not of the three kinds."""
    command, frames = "", []
    for line in lines:
        frame = _FRAME.match(line) if line[:1].isspace() else None
        if frame:
            frames.append((frame["symbol"] or UNKNOWN, frame["object"] or UNKNOWN))
        elif not line.strip():
            if command:
                yield StackSample(command, tuple(frames) or ((UNKNOWN, UNKNOWN),))
            command, frames = "", []
        elif head := _HEAD.match(line):
            command = head["command"]
    if command:
        yield StackSample(command, tuple(frames) or ((UNKNOWN, UNKNOWN),))


def profile_of(samples: Iterable[StackSample]) -> Profile:
    """Count the samples by function and by stack."""
    leaves: Counter[tuple[str, str, str]] = Counter()
    stacks: Counter[str] = Counter()
    left_out = 0
    for sample in samples:
        symbol, shared = sample.frames[0]
        leaves[sample.command, _base(shared), symbol] += 1
        folded = fold(sample)
        # bounded memory; the samples beyond it are counted
        if folded in stacks or len(stacks) < MOST_STACKS:
            stacks[folded] += 1
        else:
            left_out += 1
    whole = leaves.total()
    rows = [ProfileRow(round(100 * n / whole, 2), n, *key) for key, n in leaves.most_common(ROWS)]
    return Profile(whole, tuple(rows), dict(stacks.most_common()), left_out)


def fold(sample: StackSample) -> str:
    """Return `command;outermost;…;innermost`; kernel frames end in `_[k]`, which flame graphs colour differently."""
    frames = [f"{symbol}_[k]" if _in_kernel(shared) else symbol for symbol, shared in sample.frames[:DEEPEST]]
    # a symbol of C++ or Rust may hold the separator
    return ";".join(part.replace(";", ":") for part in (sample.command, *reversed(frames)))


def _in_kernel(shared: str) -> bool:
    return shared.startswith("[kernel") or shared.endswith(".ko")


def _base(shared: str) -> str:
    return shared if shared.startswith("[") else shared.rpartition("/")[2]
