"""The bundle that is sent to a bee: one .tar.gz with malaria, the packages it needs, and a Python if the bee has none.

Promises: the digest depends on the names and contents of the packages' files alone.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from malaria import __version__
from malaria.swarm.hosts.installed_files import Files, installed_files
from malaria.swarm.hosts.machine import Machine

PACKAGES: Final = "site-packages"
PYTHON: Final = "python"
DIGEST_LENGTH: Final = 16
LEVEL: Final = 1
"""Of compression: level 1 takes half the time of level 6, for a file a sixth larger."""
_NOT_OF_PYTHON: Final = frozenset({"__pycache__", "test", "tkinter", "idlelib", "turtledemo", "share"})


@dataclass(frozen=True, slots=True)
class InstallBundle:
    """The files that are installed on a bee of one kind of machine. The digest identifies them."""

    version: str
    digest: str
    files: Files = field(repr=False)

    def pack(self, python: Path | None = None) -> bytes:
        """Return the .tar.gz, with the Python of that directory if one is given."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=LEVEL) as tar:
            for name, content in _contents(self.files):
                entry = tarfile.TarInfo(f"{PACKAGES}/{name}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            if python is not None:
                tar.add(python, arcname=PYTHON, filter=_needed_of_python)
        return buffer.getvalue()


def make_bundle(machine: Machine, directory: Path) -> InstallBundle:
    """Collect the files for a kind of machine; what must be fetched is kept in `directory`. Raises OperatorError."""
    files = installed_files(machine, directory)
    return InstallBundle(__version__, _digest(files), files)


def _digest(files: Files) -> str:
    whole = hashlib.sha256()
    for name, content in _contents(files):
        whole.update(f"{hashlib.sha256(content).hexdigest()} {name}\n".encode())
    return whole.hexdigest()[:DIGEST_LENGTH]


def _contents(files: Files) -> Iterator[tuple[str, bytes]]:
    for name, source in sorted(files.items()):
        yield name, source if isinstance(source, bytes) else source.read_bytes()


def _needed_of_python(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out the tests, the graphical parts and the static libraries of a Python: half of its size."""
    return None if _NOT_OF_PYTHON & set(Path(entry.name).parts) or entry.name.endswith(".a") else entry
