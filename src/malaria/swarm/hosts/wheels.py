"""The very malaria that runs here, and what it is made of, as wheels: for a bee that need not reach the internet.

A wheel is made of what is installed here: its files and its own metadata, byte for byte the same each time. Nothing is
built and nothing is fetched for a bee of our kind of machine; for another kind pip fetches the same versions.

Promises: a bee gets exactly the versions that run here. Does not promise parts that a bee has no use for: the page's
charts and the embedded broker stay here.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from malaria import __version__
from malaria.errors import OperatorError, SwarmError

OURS: Final = "mqtt-malaria"
ROOTS: Final = (OURS, "distributed", "cryptography")
"""What a bee needs, with all that these need."""
NOT_FOR_BEES: Final = frozenset({"amqtt", "plotly"})
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""Of every file in a wheel: the same wheel is the same bytes."""
FETCH_S: Final = 600
_LEFT_OUT: Final = re.compile(
    r"(^|/)__pycache__/|\.pyc$|^\.\./|/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json)$"
)
_GLIBC_TAGS: Final = ("manylinux2014_{machine}", "manylinux_2_28_{machine}")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file, and its digest."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True, slots=True)
class Machine:
    """What wheels have to fit: `Linux`, `x86_64`."""

    system: str
    machine: str

    def __str__(self) -> str:
        return f"{self.system} {self.machine}"


@dataclass(frozen=True, slots=True)
class InstallBundle:
    """All that is installed on a bee. The digest tells it from any other."""

    version: str
    wheels: tuple[Wheel, ...]

    @property
    def digest(self) -> str:
        text = "\n".join(sorted(f"{wheel.name} {wheel.sha256}" for wheel in self.wheels))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def size_bytes(self) -> int:
        return sum(wheel.path.stat().st_size for wheel in self.wheels)


def here() -> Machine:
    return Machine(platform.system(), platform.machine())


def cache_directory() -> Path:
    """Where wheels are kept between two deployments."""
    if home := os.environ.get("MALARIA_HOME"):
        return Path(home) / "wheels"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "malaria" / "wheels"


def pack(machine: Machine, directory: Path) -> InstallBundle:
    """The wheels for a kind of machine, made in `directory` unless they are there. Raises OperatorError."""
    needed = list(closure(ROOTS))
    place = directory / f"{machine.system}-{machine.machine}".lower()
    place.mkdir(parents=True, exist_ok=True)
    if machine == here():
        made = [repack(dist, place) for dist in needed]
    else:
        made = [repack(dist, place) if _is_pure(dist) else _fetch(dist, machine, place) for dist in needed]
    return InstallBundle(__version__, tuple(Wheel(path, _sha256(path)) for path in made))


def closure(roots: Iterable[str]) -> Iterator[Distribution]:
    """The installed distributions that these are made of, without extras. Raises OperatorError for one that lacks."""
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


def repack(dist: Distribution, directory: Path) -> Path:
    """The wheel of an installed distribution."""
    stem = f"{_escaped(dist.metadata['Name'])}-{dist.version}"
    target = directory / f"{stem}-{_tag(dist)}.whl"
    ours = canonicalize_name(dist.metadata["Name"]) == OURS
    if target.exists() and not ours:  # ours may have changed under the same version
        return target
    files = dict(sorted(_files_of_malaria(dist, stem) if ours else _files_of(dist)))
    if not files:
        raise SwarmError(f"{dist.metadata['Name']}: its files are not known", "install it with uv or pip")
    info = next(path.partition("/")[0] for path in files if path.partition("/")[0].endswith(".dist-info"))
    record = "".join(f"{path},sha256={_b64(content)},{len(content)}\n" for path, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    unfinished = target.with_name(f"{target.name}.new-{os.getpid()}")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=5) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    unfinished.replace(target)
    return target


def _files_of(dist: Distribution) -> Iterator[tuple[str, bytes]]:
    for file in dist.files or ():
        path = file.as_posix()
        if not _LEFT_OUT.search(path):
            yield path, Path(str(file.locate())).read_bytes()


def _files_of_malaria(dist: Distribution, stem: str) -> Iterator[tuple[str, bytes]]:
    """Ours from where it is imported from, which in a clone is not where it is installed."""
    import malaria

    package = Path(malaria.__path__[0])
    for file in package.rglob("*"):
        path = f"malaria/{file.relative_to(package).as_posix()}"
        if file.is_file() and not _LEFT_OUT.search(path):
            yield path, file.read_bytes()
    wheel = "Wheel-Version: 1.0\nGenerator: malaria\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    texts = {"METADATA": dist.read_text("METADATA"), "entry_points.txt": dist.read_text("entry_points.txt")}
    for name, text in {**texts, "WHEEL": wheel}.items():
        if text:
            yield f"{stem}.dist-info/{name}", text.encode()


def _tag(dist: Distribution) -> str:
    """`cp313-cp313-manylinux_2_28_x86_64`, from its WHEEL; several of a kind are joined as in a file's name."""
    lines = (dist.read_text("WHEEL") or "Tag: py3-none-any").splitlines()
    tags = [line.partition(":")[2].strip().split("-") for line in lines if line.startswith("Tag:")]
    return "-".join(".".join(dict.fromkeys(column)) for column in zip(*tags, strict=True))


def _is_pure(dist: Distribution) -> bool:
    return _tag(dist).endswith("-any")


def _fetch(dist: Distribution, machine: Machine, directory: Path) -> Path:
    """The same version for another kind of machine, from the package index, by pip."""
    name = dist.metadata["Name"]
    found = _found(directory, name, dist.version)
    if found is None:
        command = [*_pip(), "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(directory)]
        command += ["--python-version", f"{sys.version_info[0]}.{sys.version_info[1]}"]
        for tag in _GLIBC_TAGS:
            command += ["--platform", tag.format(machine=machine.machine)]
        done = subprocess.run(
            [*command, f"{name}=={dist.version}"], capture_output=True, text=True, timeout=FETCH_S, check=False
        )
        found = _found(directory, name, dist.version)
        if found is None:
            said = (done.stderr.strip().splitlines() or ["nothing was found"])[-1]
            raise SwarmError(f"{name} {dist.version} for {machine}: {said[:200]}", "is there a way to a package index?")
    return found


def _found(directory: Path, name: str, version: str) -> Path | None:
    return next(iter(directory.glob(f"{_escaped(name)}-{version}-*.whl")), None)


def _pip() -> Sequence[str]:
    from malaria.swarm.hosts.pythons import find_uv

    uv = find_uv()
    return [sys.executable, "-m", "pip"] if uv is None else [uv, "tool", "run", "pip"]


def _escaped(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
