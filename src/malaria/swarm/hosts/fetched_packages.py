"""Fetch compiled packages for another kind of machine from the package index, with pip.

Promises: the version is the one that is installed here; what was fetched once is not fetched again.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from importlib.metadata import Distribution
from pathlib import Path
from typing import Final

from malaria.errors import SwarmError
from malaria.swarm.hosts.machine import PYTHON_VERSION, Machine
from malaria.swarm.hosts.uv_command import find_uv

FETCH_S: Final = 600
_GLIBC_TAGS: Final = ("manylinux2014_{machine}", "manylinux_2_28_{machine}")


def is_pure(dist: Distribution) -> bool:
    """Return whether a distribution has no compiled code, so that its files fit every machine."""
    tags = [line for line in (dist.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:")]
    return all(tag.strip().endswith("-any") for tag in tags)


def fetch(dist: Distribution, machine: Machine, directory: Path) -> Path:
    """Return a directory with the files of a distribution for a machine; made below `directory` if missing.

    Raises SwarmError if the package index has none, or cannot be reached.
    """
    name = re.sub(r"[-_.]+", "_", dist.metadata["Name"]).lower()
    kept = directory / f"{machine.system}-{machine.machine}".lower()
    unpacked = kept / f"{name}-{dist.version}"
    if not unpacked.exists():
        kept.mkdir(parents=True, exist_ok=True)
        unfinished = unpacked.with_name(f"{unpacked.name}.new")
        with zipfile.ZipFile(_download(dist, machine, kept)) as wheel:
            wheel.extractall(unfinished)
        unfinished.replace(unpacked)  # half a package is never taken for a whole one
    return unpacked


def _download(dist: Distribution, machine: Machine, directory: Path) -> Path:
    name, version = dist.metadata["Name"], dist.version
    command = [*_pip(), "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(directory)]
    command += ["--python-version", PYTHON_VERSION]
    for tag in _GLIBC_TAGS:
        command += ["--platform", tag.format(machine=machine.machine)]
    done = subprocess.run(
        [*command, f"{name}=={version}"], capture_output=True, text=True, timeout=FETCH_S, check=False
    )
    # the file counts, not pip's exit code: the file may be there from an earlier call
    pattern = f"{re.sub(r'[-_.]+', '[-_.]', name)}-{version}-*.whl"
    found = next(iter(directory.glob(pattern, case_sensitive=False)), None)
    if found is None:
        reported = (done.stderr.strip().splitlines() or ["nothing was found"])[-1]
        raise SwarmError(
            f"{name} {version} for {machine}: {reported[:200]}", "check that this machine can reach a package index"
        )
    return found


def _pip() -> Sequence[str]:
    uv = find_uv()
    return [sys.executable, "-m", "pip"] if uv is None else [uv, "tool", "run", "pip"]
