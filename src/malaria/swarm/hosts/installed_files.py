"""The files of malaria and of every package it needs on a bee, as they are installed here.

Promises: a bee gets exactly the versions that run here, with their metadata; malaria comes from where it is imported,
templates and style sheets included. Leaves out the packages of the page's charts and of the embedded broker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import malaria
from malaria.errors import OperatorError, SwarmError
from malaria.swarm.hosts.fetched_packages import fetch, is_pure
from malaria.swarm.hosts.machine import Machine, this_machine

MALARIA: Final = "mqtt-malaria"
ROOTS: Final = (MALARIA,)
"""What a bee needs, with all that this needs."""
NOT_FOR_BEES: Final = frozenset({"amqtt", "asyncssh", "cryptography"})
METADATA: Final = ("METADATA", "entry_points.txt")
_LEFT_OUT: Final = re.compile(
    r"(^|/)__pycache__/|\.pyc$|^\.\./|/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json)$"
)
type Files = Mapping[str, Path | bytes]
"""Path below site-packages -> the file with the content, or the content."""


def installed_files(machine: Machine, directory: Path) -> Files:
    """Return the files for a kind of machine; compiled packages for another one are fetched into `directory`.

    Raises OperatorError for a package that is not installed here or cannot be fetched.
    """
    files: dict[str, Path | bytes] = {}
    for dist in closure(ROOTS):
        if canonicalize_name(dist.metadata["Name"]) == MALARIA:
            files |= _files_of_malaria(dist)
        elif machine == this_machine() or is_pure(dist):
            files |= files_of(dist)
        else:
            files |= _files_below(fetch(dist, machine, directory))
    return files


def closure(roots: Iterable[str]) -> Iterator[Distribution]:
    """Yield the installed distributions that `roots` need, and `roots`, without extras. Raises OperatorError."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = canonicalize_name(waiting.pop(0))
        if name in seen or name in NOT_FOR_BEES:
            continue
        seen.add(name)
        try:
            dist = distribution(name)
        except PackageNotFoundError:
            raise OperatorError(
                f"{name} is not installed here, and a bee needs it", "uv sync --extra swarm, or pip install it"
            ) from None
        yield dist
        waiting += _requirements(dist)


def files_of(dist: Distribution) -> Files:
    """Return the files of an installed distribution. Raises SwarmError if its installer kept no list of them."""
    paths = {file.as_posix(): Path(str(file.locate())) for file in dist.files or ()}
    if not paths:
        raise SwarmError(f"the files of {dist.metadata['Name']} are not known", "install it with uv or pip")
    return {name: path for name, path in paths.items() if not _LEFT_OUT.search(name)}


def _requirements(dist: Distribution) -> list[str]:
    names = []
    for text in dist.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            names.append(requirement.name)
    return names


def _files_of_malaria(dist: Distribution) -> Files:
    """Return malaria's own files from the imported package, which a clone does not list as installed."""
    files: dict[str, Path | bytes] = {f"malaria/{p}": f for p, f in _files_below(Path(malaria.__path__[0])).items()}
    for name in METADATA:
        if text := dist.read_text(name):
            files[f"mqtt_malaria-{dist.version}.dist-info/{name}"] = text.encode()
    return files


def _files_below(directory: Path) -> dict[str, Path]:
    paths = {file.relative_to(directory).as_posix(): file for file in directory.rglob("*") if file.is_file()}
    return {name: path for name, path in paths.items() if not _LEFT_OUT.search(name)}
