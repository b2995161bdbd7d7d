"""Keep the records of a run on a bee's own disk until its conductor has them: one file for each run.

A report gets its number on the bee when it is made. The conductor takes each number once, so a report that comes from
the disk after it came over the network is left out. Promises: everything up to the last whole report can be read,
however the writer ended. The file holds no key and no password, and is readable by its owner alone.

The reader unpickles what it reads. It trusts a bee's file as much as it trusts the bee while it runs.
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

SUFFIX: Final = ".spool"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class SpooledReport:
    """One numbered report of a worker."""

    sequence: int
    worker: str
    report: Report


@dataclass(frozen=True, slots=True)
class SpoolHeader:
    """The first thing in a file: the run and the bee whose records follow."""

    version: int
    run: str
    bee: str


class Spool:
    """The writer of one file. A full disk ends the writing and not the load; `failure` then holds the reason."""

    def __init__(self, directory: Path, run: str, bee: str) -> None:
        self.path = directory / spool_name(run, bee)
        self.failure = ""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._write([SpoolHeader(VERSION, run, bee)])

    def append(self, reports: list[SpooledReport]) -> None:
        """Hand reports to the kernel, so that they outlive this process."""
        if reports and not self.failure:
            self._write(reports)

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()

    def remove(self) -> None:
        """Delete the file: the conductor has all of it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _write(self, things: list[SpooledReport] | list[SpoolHeader]) -> None:
        try:
            self._file.write(b"".join(pickle.dumps(thing, pickle.HIGHEST_PROTOCOL) for thing in things))
            self._file.flush()
        except OSError as error:
            self.failure = error.strerror or str(error)


def spool_name(run: str, bee: str) -> str:
    """Return the name of the file in the spool directory."""
    return f"{run}-{bee}{SUFFIX}"


def read_spool(data: bytes) -> tuple[SpoolHeader, list[SpooledReport]]:
    """Read the contents of a file; a broken end is left out. Raises ValueError for anything but a spool file."""
    things = _things(io.BytesIO(data))
    header = next(things, None)
    if not isinstance(header, SpoolHeader) or header.version != VERSION:
        raise ValueError("this is not a spool file of this version")
    return header, [thing for thing in things if isinstance(thing, SpooledReport)]


def _things(stream: io.BytesIO) -> Iterator[object]:
    while True:
        try:
            yield pickle.load(stream)
        # the end, or a record that was cut off: nothing behind it can be found
        except (EOFError, pickle.UnpicklingError, ValueError, AttributeError, ImportError, IndexError):
            return
