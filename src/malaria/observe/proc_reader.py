"""Where the texts of /proc come from: this machine, or another one over a shell (`malaria.observe.ssh_proc_reader`)."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from malaria.observe.observer import LostError

LARGEST_TEXT_BYTES: Final = 4 << 20


class ProcReader(Protocol):
    """Reads what a Linux kernel says about itself. Patterns are those of a shell: `/proc/[0-9]*/stat`."""

    @property
    def place(self) -> str:
        """Which host, in words."""
        ...

    def open(self) -> None:
        """Raises LostError when the host cannot be reached, or has no /proc."""
        ...

    def texts(self, patterns: Sequence[str]) -> Mapping[str, str]:
        """The files that match, by path. What cannot be read is left out. Raises LostError when nothing can be."""
        ...

    def links(self, patterns: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Where the links in the directories that match point to, by directory. Raises LostError as `texts`."""
        ...

    def close(self) -> None: ...


class LocalProcReader:
    """This machine."""

    place = "this host"

    def open(self) -> None:
        if not Path("/proc/stat").exists():
            raise LostError("this system has no /proc, which is what is read of processes and hosts")

    def texts(self, patterns: Sequence[str]) -> Mapping[str, str]:
        found = {path: _text(path) for pattern in patterns for path in _matching(pattern)}
        return {path: text for path, text in found.items() if text is not None}

    def links(self, patterns: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return {path: _targets(path) for pattern in patterns for path in _matching(pattern)}

    def close(self) -> None: ...


def _matching(pattern: str) -> list[str]:
    return glob.glob(pattern) if "*" in pattern else [pattern]


def _text(path: str) -> str | None:
    try:
        with open(path, "rb") as file:  # a file of /proc has no size: as much as there is, up to the bound
            return file.read(LARGEST_TEXT_BYTES).decode(errors="replace")
    except OSError:
        return None


def _targets(path: str) -> list[str]:
    targets = []
    try:
        for entry in os.scandir(path):
            try:
                targets.append(os.readlink(entry.path))
            except OSError:
                targets.append("")  # closed in between
    except OSError:
        return []
    return targets
