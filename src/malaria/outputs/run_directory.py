"""The directory that a command writes its run to: found or checked before anything is written.

Promises: two commands started at the same moment get two directories; what is not a run of malaria is never touched; a
directory in which nothing was stored is removed again.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from malaria.errors import RunError
from malaria.outputs.files import MARKDOWN, PAGE, SUMMARY
from malaria.records.campaign_store import COPY, holds_campaign
from malaria.records.campaign_store import FILE as CAMPAIGN_FILE
from malaria.records.perf_profile import FILE as PROFILE_FILE
from malaria.records.store import FILE as RUN_FILE

MOST_OF_A_MINUTE: Final = 10_000
"""The most directories for one title in one minute."""
_NOT_IN_NAME: Final = re.compile(r"[^\w.+-]+")
ASIDE: Final = ".replaced"
"""Where a run waits, below its directory, until the one that replaces it is stored."""
SOCKET: Final = "steer.sock"
"""Where `malaria steer` reaches an attack while it runs."""
STEERED: Final = "steered.toml"
"""The warhead that does again what was changed by hand."""
_FILES: Final = (
    RUN_FILE, f"{RUN_FILE}-wal", f"{RUN_FILE}-shm", "warhead.toml", STEERED, SOCKET, PROFILE_FILE, SUMMARY, PAGE,
    MARKDOWN, CAMPAIGN_FILE, f"{CAMPAIGN_FILE}.new", COPY,
)  # fmt: skip
"""The files of a run and of a campaign."""


@contextmanager
def new_directory(root: Path, title: str, now: datetime) -> Iterator[Path]:
    """Make a directory for a new run below `root`, such as `2026-11-22T1751-meters`; with a number if that exists.

    It is removed at the end of the block if it is empty. Raises OSError when it cannot be made.
    """
    # a root that was there before stays, empty or not
    made_root = not root.exists()
    root.mkdir(parents=True, exist_ok=True)
    stem = f"{now:%Y-%m-%dT%H%M}-{slug(title)}"
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, MOST_OF_A_MINUTE))
    directory = next(root / name for name in names if _claimed(root / name))
    try:
        yield directory
    finally:
        with suppress(OSError):  # not empty: something was stored
            directory.rmdir()
            if made_root:
                root.rmdir()


def _claimed(directory: Path) -> bool:
    """Make a directory; False if it exists. Another command may make it at the same moment."""
    try:
        directory.mkdir()
    except FileExistsError:
        return False
    return True


def check_free(directory: Path, *, overwrite: bool = False) -> None:
    """Check that a directory is new or empty, or with `overwrite` that it holds a run. Raises RunError."""
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    if not directory.is_dir():
        raise RunError(f"{directory} is not a directory", "choose another place with -o")
    if not holds_run(directory):
        raise RunError(f"{directory} is not empty, and holds no run of malaria", "choose another directory with -o")
    if not overwrite:
        raise RunError(f"{directory} holds a run already", "choose another directory with -o, or add --overwrite")


def holds_run(directory: Path) -> bool:
    """Tell whether a directory holds an attack or a campaign of malaria."""
    return (directory / RUN_FILE).is_file() or holds_campaign(directory)


@contextmanager
def replaced_run(directory: Path) -> Iterator[None]:
    """Put the run of a directory aside for a new one. Drop it at the end if there is a new one, else restore it.

    The runs of a campaign's parts go with it; other files of the directory stay. Raises OSError.
    """
    aside = directory / ASIDE
    moved = _move(_run_paths(directory), aside)
    try:
        yield
    finally:
        if holds_run(directory):
            # the new run is stored, so the old one may go
            shutil.rmtree(aside, ignore_errors=True)
        elif moved:
            # nothing new was stored: the old run comes back as it was
            _move(sorted(aside.iterdir()), directory)
            aside.rmdir()


def _run_paths(directory: Path) -> list[Path]:
    """Return the paths that belong to the run or campaign of a directory."""
    if not directory.is_dir() or not holds_run(directory):
        return []
    files = [directory / name for name in _FILES if _is_file(directory / name)]
    is_campaign = holds_campaign(directory)
    # a run inside the directory of an attack is none of its parts
    parts = [path for path in directory.iterdir() if is_campaign and (path / RUN_FILE).is_file()]
    return files + sorted(parts)


def _is_file(path: Path) -> bool:
    """Tell whether a path is a file, or the socket that a killed attack left."""
    return path.is_file() or path.is_socket()


def removed_run(directory: Path) -> bool:
    """Remove a run or a campaign with its parts, and the directory if nothing else is in it. Tell whether it stays.

    Raises OSError.
    """
    for path in _run_paths(directory):
        if path.is_dir():
            removed_run(path)
        else:
            path.unlink()
    with suppress(OSError):  # not empty: the rest is not of malaria
        directory.rmdir()
    return directory.exists()


def slug(title: str) -> str:
    """Return a title as a part of a directory's name."""
    return _NOT_IN_NAME.sub("-", title).strip("-.") or "run"


def _move(paths: Sequence[Path], into: Path) -> bool:
    for path in paths:
        into.mkdir(exist_ok=True)
        path.rename(into / path.name)
    return bool(paths)


@contextmanager
def page_directory(stated: Path | None, root: Path, title: str) -> Iterator[Path]:
    """Give the directory for a page of what is stored elsewhere: the stated one, or a new one below `root`.

    Raises OSError when the disk does not allow it.
    """
    if stated is None:
        with new_directory(root, title, datetime.now()) as directory:
            yield directory
    else:
        stated.mkdir(parents=True, exist_ok=True)
        yield stated


@contextmanager
def run_directory(stated: Path | None, root: Path, title: str, *, overwrite: bool = False) -> Iterator[Path]:
    """Give the directory for a run: the stated one, which must be free or overwritten, or a new one below `root`.

    Raises RunError for a stated directory that cannot be used, OSError when the disk does not allow it.
    """
    if stated is None:
        with new_directory(root, title, datetime.now()) as directory:
            yield directory
    else:
        check_free(stated, overwrite=overwrite)
        with replaced_run(stated):
            yield stated
