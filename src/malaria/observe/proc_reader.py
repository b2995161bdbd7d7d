"""Reads files of /proc: on this machine here, on another one over ssh in `ssh_proc_reader`."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from malaria.observe.exit_watch import ExitWatch
from malaria.observe.observer import LostError

LARGEST_TEXT_BYTES: Final = 4 << 20


class ProcReader(Protocol):
    """A source of /proc files. Patterns are those of a shell: `/proc/[0-9]*/stat`."""

    @property
    def place(self) -> str:
        """Return the name of the host, for people."""
        ...

    def open(self) -> None:
        """Connect to the host. Raises LostError if it cannot be reached or has no /proc."""
        ...

    def texts(self, patterns: Sequence[str]) -> Mapping[str, str]:
        """Read the files that match; return path -> text, without unreadable ones. Raises LostError as `open`."""
        ...

    def links(self, patterns: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Read the links in the directories that match; return directory -> targets. Raises LostError as `open`."""
        ...

    def exit_watch(self, pid: int) -> ExitWatch | None:
        """Return a hold on a process that tells later how it ended; None where nobody can tell."""
        ...

    def close(self) -> None: ...


class LocalProcReader:
    """The /proc of this machine."""

    place = "this host"

    def open(self) -> None:
        if not Path("/proc/stat").exists():
            raise LostError("this system has no /proc: processes and hosts can be observed on Linux only")

    def texts(self, patterns: Sequence[str]) -> Mapping[str, str]:
        found = {path: _text(path) for pattern in patterns for path in _matching(pattern)}
        return {path: text for path, text in found.items() if text is not None}

    def links(self, patterns: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return {path: _targets(path) for pattern in patterns for path in _matching(pattern)}

    def exit_watch(self, pid: int) -> ExitWatch | None:
        return ExitWatch(pid)

    def close(self) -> None: ...


def _matching(pattern: str) -> list[str]:
    return glob.glob(pattern) if "*" in pattern else [pattern]


def _text(path: str) -> str | None:
    try:
        with open(path, "rb") as file:  # a file of /proc states no size: read what there is, up to the bound
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
                targets.append("")  # closed since the directory was listed
    except OSError:
        return []
    return targets
