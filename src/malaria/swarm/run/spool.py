"""The records that a bee keeps on its own disk until its conductor has them: one file for each run.

A report gets its number when it is made, on the bee; the conductor takes each number once, so what comes a second time,
from the disk after it came over the network, is left out. Promises: what was written can be read again up to the last
whole report, however the writer ended. The file holds no key and no password, and is readable by its owner alone.

The reader believes what it reads (it unpickles): a bee's file is worth as much trust as the bee, whose words are taken
in the same way while it runs.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from malaria.control.messages import Report

SUFFIX: Final = ".kept"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class SpooledRun:
    """One numbered report of a worker."""

    sequence: int
    worker: str
    report: Report


@dataclass(frozen=True, slots=True)
class SpoolHeader:
    """Whose records, and of which run. The first thing in a file."""

    version: int
    run: str
    bee: str


class Spool:
    """Writes one file. A full disk ends the keeping and not the load: `failure` says why."""

    def __init__(self, directory: Path, run: str, bee: str) -> None:
        self.path = directory / kept_name(run, bee)
        self.failure = ""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._write([SpoolHeader(VERSION, run, bee)])

    def keep(self, reports: list[SpooledRun]) -> None:
        """Hands them to the kernel: they outlive this process."""
        if reports and not self.failure:
            self._write(reports)

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()

    def forget(self) -> None:
        """The conductor has them all."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _write(self, things: list[SpooledRun] | list[SpoolHeader]) -> None:
        try:
            self._file.write(b"".join(pickle.dumps(thing, pickle.HIGHEST_PROTOCOL) for thing in things))
            self._file.flush()
        except OSError as error:
            self.failure = error.strerror or str(error)


def kept_name(run: str, bee: str) -> str:
    """Of the file in the directory of kept records."""
    return f"{run}-{bee}{SUFFIX}"


def read_kept(data: bytes) -> tuple[SpoolHeader, list[SpooledRun]]:
    """What a file holds. Raises ValueError for one that is none of ours; a broken end is left out."""
    stream = io.BytesIO(data)
    things = _things(stream)
    heading = next(things, None)
    if not isinstance(heading, SpoolHeader) or heading.version != VERSION:
        raise ValueError("these are no records of a bee of this version")
    return heading, [thing for thing in things if isinstance(thing, SpooledRun)]


def _things(stream: io.BytesIO) -> Iterator[object]:
    while True:
        try:
            yield pickle.load(stream)
        except (EOFError, pickle.UnpicklingError, ValueError, AttributeError, ImportError, IndexError):
            return
