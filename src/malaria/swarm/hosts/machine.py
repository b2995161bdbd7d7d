"""The kind of machine that compiled packages have to fit, and the Python version they are made for."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from typing import Final

PYTHON_VERSION: Final = f"{sys.version_info[0]}.{sys.version_info[1]}"
"""A bee needs the same version as this machine: compiled packages are made for one."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A kind of machine: `Linux`, `x86_64`."""

    system: str
    machine: str

    def __str__(self) -> str:
        return f"{self.system} {self.machine}"


def this_machine() -> Machine:
    return Machine(platform.system(), platform.machine())
