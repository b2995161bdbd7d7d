"""Refuse a bee whose malaria is not the conductor's: its messages could mean something else, or not be readable.

The version alone is not enough: two states of a clone have the same. So the names and fields of everything that is sent
between conductor and bee are compared as well.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, Final

from pydantic import BaseModel

from malaria import __version__

PACKAGES: Final = ("malaria.control", "malaria.model")
MODULES: Final = (
    "malaria.plan.clients",
    "malaria.records.ledger",
    "malaria.records.rows",
    "malaria.schedule.share",
    "malaria.swarm.run.bee_messages",
    "malaria.swarm.run.bee_schema",
    "malaria.swarm.run.spool",
    "malaria.transport.route",
)
DIGEST_LENGTH: Final = 12
REMEDY: Final = "run: malaria swarm deploy"


@dataclass(frozen=True, slots=True)
class VersionStamp:
    """A version of malaria, and a digest of its message definitions."""

    malaria: str
    messages: str

    def __str__(self) -> str:
        return f"malaria {self.malaria} (messages {self.messages})"

    def to_table(self) -> dict[str, str]:
        return asdict(self)


def own_stamp() -> VersionStamp:
    """Return the stamp of the malaria that runs here."""
    return VersionStamp(__version__, digest_of_messages())


def mismatch(bee: VersionStamp, conductor: VersionStamp) -> str:
    """Return how two stamps differ, as a sentence; empty if they are the same."""
    return "" if bee == conductor else f"the bee has {bee}, the conductor {conductor}"


def digest_of_messages() -> str:
    """Return a digest of the names and fields of all classes that are sent between conductor and bee."""
    lines = sorted(line for module in _modules() for line in _lines(module))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:DIGEST_LENGTH]


def _modules() -> Iterator[str]:
    yield from MODULES
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        yield from (f"{package}.{found.name}" for found in pkgutil.iter_modules(path))


def _lines(module: str) -> Iterator[str]:
    for name, kind in vars(importlib.import_module(module)).items():
        if isinstance(kind, type) and kind.__module__ == module:
            yield f"{module}.{name}: {', '.join(_fields(kind))}"


def _fields(kind: Any) -> list[str]:
    if is_dataclass(kind):
        return [f"{field.name} {field.type}" for field in fields(kind)]
    return list(kind.model_fields) if issubclass(kind, BaseModel) else []
