"""Keep the records of a run on a bee's own disk until its conductor has them: one file for each run.

A report gets its number on the bee when it is made. The conductor takes each number once, so a report that comes from
the disk after it came over the network is left out. Promises: everything up to the last whole report can be read,
however the writer ended. The file holds no key and no password, and is readable by its owner alone.

A file is lines of JSON: first the version, the run and the bee, then a report in each. The reader checks them by the
schema of what bees send, and leaves out everything from the first line on that does not fit.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from malaria.swarm.run.bee_messages import SpooledReport
from malaria.swarm.run.bee_schema import SchemaError, decode_report, encode_report

SUFFIX: Final = ".spool"
VERSION: Final = 2
"""1: pickles, which are not read any more."""


@dataclass(frozen=True, slots=True)
class SpoolHeader:
    """The first line of a file: the run and the bee whose records follow."""

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
        self._write([json.dumps(asdict(SpoolHeader(VERSION, run, bee))).encode()])

    def append(self, reports: list[SpooledReport]) -> None:
        """Hand reports to the kernel, so that they outlive this process."""
        if reports and not self.failure:
            self._write([encode_report(report) for report in reports])

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()

    def remove(self) -> None:
        """Delete the file: the conductor has all of it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _write(self, lines: list[bytes]) -> None:
        try:
            self._file.write(b"".join(line + b"\n" for line in lines))
            self._file.flush()
        except OSError as error:
            self.failure = error.strerror or str(error)


def spool_name(run: str, bee: str) -> str:
    """Return the name of the file in the spool directory."""
    return f"{run}-{bee}{SUFFIX}"


def read_spool(data: bytes) -> tuple[SpoolHeader, list[SpooledReport]]:
    """Read the contents of a file; a broken end is left out. Raises ValueError for anything but a spool file."""
    first, *lines = data.split(b"\n")
    header = _header_in(first)
    # the last piece is empty, or a line that was cut off
    return header, list(_reports_in(lines[:-1], header.bee))


def _reports_in(lines: list[bytes], bee: str) -> Iterator[SpooledReport]:
    """Yield the reports up to the first line that holds none."""
    with suppress(SchemaError):
        for line in lines:
            yield decode_report(line, bee)


def _header_in(line: bytes) -> SpoolHeader:
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        table = json.loads(line)
        header = SpoolHeader(table["version"], str(table["run"]), str(table["bee"]))
        if header.version == VERSION:
            return header
    raise ValueError("this is not a spool file of this version")
