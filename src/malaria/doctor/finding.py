"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """OK; WARN: figures may suffer; BAD: the run would fail."""

    OK = "OK"
    WARN = "WARN"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """What was measured beside what is needed, in people's units; the remedy is empty when all is well."""

    name: str
    measured: str
    needed: str
    status: Status = Status.OK
    remedy: str = ""


def judged(name: str, measured: str, needed: str, trouble: tuple[Status, str] | None) -> DoctorFinding:
    """A finding that is well unless there is trouble: (how bad, the remedy)."""
    return DoctorFinding(name, measured, needed) if trouble is None else DoctorFinding(name, measured, needed, *trouble)
