"""Directories for the logs, configurations and keys of brokers: private, and removed even after a kill.

A process that is killed cannot remove its directory. So each directory holds a file that its process keeps locked, and
the next process that makes one removes those whose lock is free.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

PREFIX: Final = "malaria-"
LOCK: Final = ".locked-while-in-use"
_HELD: Final[list[IO[bytes]]] = []
"""The lock files of this process: a lock ends with the file that holds it."""


def private_directory(name: str) -> Path:
    """Make a directory that only this user can read, and remove those that killed processes have left."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{name}-"))
    # locked before it has its name: no process may find it unlocked
    unnamed = directory / f"{LOCK}-soon"
    lock = unnamed.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    unnamed.rename(directory / LOCK)
    _HELD.append(lock)
    return directory


def _remove_abandoned(place: Path) -> None:
    """Remove the directories of this user whose process is gone."""
    for path in place.glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError):  # another process removes it, or it belongs to another user
            if path.parent.is_symlink() or path.parent.lstat().st_uid != os.geteuid():
                continue
            with path.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent, ignore_errors=True)
