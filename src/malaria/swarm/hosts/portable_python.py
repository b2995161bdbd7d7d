"""Find a Python for a bee that has none of the needed version: one of uv's, which runs from any directory.

Promises: one that uv has here already is taken; else uv fetches it once. Where neither works, the error has a remedy.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from malaria.errors import SwarmError
from malaria.swarm.hosts.machine import PYTHON_VERSION, Machine
from malaria.swarm.hosts.uv_command import find_uv

FETCH_S: Final = 300
KINDS: Final = {
    ("Linux", "x86_64"): "linux-x86_64-gnu",
    ("Linux", "aarch64"): "linux-aarch64-gnu",
    ("Darwin", "arm64"): "macos-aarch64-none",
    ("Darwin", "x86_64"): "macos-x86_64-none",
}
REMEDY: Final = (
    f"install python{PYTHON_VERSION} there (malaria swarm prepare tries), or uv here, with a way to the internet"
)


def portable_python(machine: Machine, directory: Path) -> Path:
    """Return the directory of a Python for a kind of machine; uv fetches it into `directory`. Raises SwarmError."""
    kind, uv = KINDS.get((machine.system, machine.machine)), find_uv()
    if kind is None or uv is None:
        lack = f"none is known for {machine}" if kind is None else "uv is not here to get one"
        raise SwarmError(f"no Python {PYTHON_VERSION} there, and {lack}", REMEDY)
    # what is here costs no download
    return _newest(_directory_of_uv(uv), kind) or _newest(directory, kind) or _fetch_python(uv, kind, directory)


def _directory_of_uv(uv: str) -> Path:
    """Return where uv keeps the Pythons that it has fetched before."""
    done = subprocess.run([uv, "python", "dir"], capture_output=True, text=True, timeout=20, check=False)
    return Path(done.stdout.strip() or "/nonexistent")


def _fetch_python(uv: str, kind: str, directory: Path) -> Path:
    command = [uv, "python", "install", "--quiet", "--no-bin", "--install-dir", str(directory)]
    command.append(f"cpython-{PYTHON_VERSION}-{kind}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
    found = _newest(directory, kind)
    if found is None:
        reported = " ".join((done.stderr.strip().splitlines() or ["it reported nothing"])[-1].split())
        raise SwarmError(f"no Python {PYTHON_VERSION} there, and uv could not fetch one here: {reported[:200]}", REMEDY)
    return found


def _newest(directory: Path, kind: str) -> Path | None:
    pythons = directory.glob(f"cpython-{PYTHON_VERSION}.*-{kind}")
    usable = [path for path in pythons if (path / "bin" / f"python{PYTHON_VERSION}").exists()]
    return max(usable, key=lambda path: path.stat().st_mtime, default=None)
