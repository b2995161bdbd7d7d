"""The part of an attack that the outputs of this room look at, as its followers get to know it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from malaria.printable import printable
from malaria.records.run_meta import RunMeta


class FollowedAttack(Protocol):
    """An attack that begins (`malaria.attacks.followers.AttackUnderWay` is one)."""

    @property
    def directory(self) -> Path: ...

    @property
    def facts(self) -> RunMeta: ...

    @property
    def note(self) -> Callable[[str], None]: ...


def run_name(directory: Path, root: Path) -> str:
    """Return the name of a run in metrics and lines: its directory, below that of its campaign.

    `root` is the directory that the command writes to. A path may be no UTF-8, and a name must be.
    """
    root, directory = root.absolute(), directory.absolute()
    if directory == root or not directory.is_relative_to(root):
        return printable(directory.name)
    return printable(f"{root.name}/{directory.relative_to(root)}")
