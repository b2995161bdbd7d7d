"""A host whose /proc has the files that a test sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from malaria.observe.observer import LostError


def stat_line(pid: int, name: str, ticks: int, *, parent: int = 1, started: int = 100, threads: int = 2) -> str:
    return f"{pid} ({name}) S {parent} 0 0 0 0 0 0 0 0 0 {ticks} 0 0 0 0 0 {threads} 0 {started} 0 10 0\n"


@dataclass
class FakeReader:
    """A reader of the files and links that are set; `away`: why the host cannot be reached, empty if it can."""

    files: dict[str, str] = field(default_factory=dict)
    directories: dict[str, list[str]] = field(default_factory=dict)
    place: str = "the host"
    away: str = ""
    opened: int = 0
    closed: int = 0

    def open(self) -> None:
        self._answer()
        self.opened += 1

    def texts(self, patterns: Sequence[str]) -> Mapping[str, str]:
        self._answer()
        return {path: text for path, text in self.files.items() if any(_matches(path, p) for p in patterns)}

    def links(self, patterns: Sequence[str]) -> Mapping[str, Sequence[str]]:
        self._answer()
        return {path: to for path, to in self.directories.items() if any(_matches(path, p) for p in patterns)}

    def exit_watch(self, pid: int) -> None:
        """Nobody can tell how a made-up process ended."""

    def close(self) -> None:
        self.closed += 1

    def _answer(self) -> None:
        if self.away:
            raise LostError(self.away)


def _matches(path: str, pattern: str) -> bool:
    """Match as a shell does: `*` does not reach over a slash."""
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
