"""A Python for a bee that has none that is new enough: one of uv's, which runs wherever its kind of machine is.

Promises: what uv has here already is taken; else uv fetches it once. Where neither works, the words say what would.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from malaria.errors import SwarmError
from malaria.swarm.hosts.wheels import Machine

VERSION: Final = f"{sys.version_info[0]}.{sys.version_info[1]}"
"""As here: compiled wheels are for one version."""
FETCH_S: Final = 300
KINDS: Final = {
    ("Linux", "x86_64"): "linux-x86_64-gnu",
    ("Linux", "aarch64"): "linux-aarch64-gnu",
    ("Darwin", "arm64"): "macos-aarch64-none",
    ("Darwin", "x86_64"): "macos-x86_64-none",
}
REMEDY: Final = f"install python{VERSION} there (malaria swarm prepare tries), or uv here, with a way to the internet"
_LEFT_OUT: Final = frozenset({"__pycache__", "test", "tkinter", "idlelib", "turtledemo", "share"})


def find_uv() -> str | None:
    """uv says where it is to what it runs; else where commands are."""
    return os.environ.get("UV") or shutil.which("uv")


def portable_python(machine: Machine, directory: Path) -> Path:
    """The directory of a Python that can be moved, for a kind of machine. Raises SwarmError."""
    kind = KINDS.get((machine.system, machine.machine))
    uv = find_uv()
    if kind is None or uv is None:
        lack = f"none is known for {machine}" if kind is None else "uv is not here to get one"
        raise SwarmError(f"no Python {VERSION} there, and {lack}", REMEDY)
    if (found := _found(_managed(uv), kind) or _found(directory, kind)) is None:
        command = [
            uv,
            "python",
            "install",
            "--quiet",
            "--no-bin",
            "--install-dir",
            str(directory),
            f"cpython-{VERSION}-{kind}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
        found = _found(directory, kind)
        if found is None:
            said = " ".join((done.stderr.strip().splitlines() or ["it said nothing"])[-1].split())
            raise SwarmError(f"no Python {VERSION} there, and uv could not fetch one here: {said[:200]}", REMEDY)
    return found


def _managed(uv: str) -> Path:
    """Where uv keeps what it has fetched before."""
    done = subprocess.run([uv, "python", "dir"], capture_output=True, text=True, timeout=20, check=False)
    return Path(done.stdout.strip() or "/nonexistent")


def tarred(python: Path) -> bytes:
    """It as a tar file, compressed, without what a bee does not need."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        tar.add(python, arcname="python", filter=_needed)
    return buffer.getvalue()


def _needed(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if _LEFT_OUT & set(Path(entry.name).parts) or entry.name.endswith(".a") else entry


def _found(directory: Path, kind: str) -> Path | None:
    """The newest there."""
    there = [
        path for path in directory.glob(f"cpython-{VERSION}.*-{kind}") if (path / "bin" / f"python{VERSION}").exists()
    ]
    return max(there, key=lambda path: path.stat().st_mtime, default=None)
