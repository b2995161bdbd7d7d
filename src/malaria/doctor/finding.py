"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The result of a check: OK, WARN (figures may be distorted) or BAD (the run would fail)."""

    OK = "OK"
    WARN = "WARN"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One checked thing: what was measured and what is needed, in people's units. The remedy is empty if it is OK."""

    name: str
    measured: str
    needed: str
    status: Status = Status.OK
    remedy: str = ""


def judged(name: str, measured: str, needed: str, trouble: tuple[Status, str] | None) -> DoctorFinding:
    """Return a finding that is OK, or has the status and remedy of `trouble`."""
    return DoctorFinding(name, measured, needed) if trouble is None else DoctorFinding(name, measured, needed, *trouble)
