"""Check for the packages of an optional extra before they are imported."""

from __future__ import annotations

import importlib.util
from typing import Final

from malaria.errors import OperatorError

SWARM_REMEDY: Final = "pip install 'mqtt-malaria[swarm]', or in a clone: uv sync --extra swarm"
TUI_REMEDY: Final = "pip install 'mqtt-malaria[tui]', or in a clone: uv sync --extra tui"


def need_extra(module: str, remedy: str = SWARM_REMEDY) -> None:
    """Raise OperatorError, with the remedy, if a module is not installed. Imports nothing."""
    # the import is slow, and the command may end before it needs the package
    if importlib.util.find_spec(module) is None:
        raise OperatorError(f"this needs {module}, which is not installed", remedy)
