"""Check for the packages of an optional extra before they are imported."""

from __future__ import annotations

import importlib.util
from typing import Final

from malaria.errors import OperatorError

SWARM_REMEDY: Final = "pip install 'mqtt-malaria[swarm]', or in a clone: uv sync --extra swarm"
OTEL_REMEDY: Final = "pip install 'mqtt-malaria[otel]', or in a clone: uv sync --extra otel"
TUI_REMEDY: Final = "pip install 'mqtt-malaria[tui]', or in a clone: uv sync --extra tui"
WEB_REMEDY: Final = "pip install 'mqtt-malaria[web]', or in a clone: uv sync --extra web"


def need_extra(module: str, remedy: str = SWARM_REMEDY) -> None:
    """Raise OperatorError, with the remedy, if a module is not installed. Imports nothing."""
    # the import is slow, and the command may end before it needs the package
    if not _is_there(module):
        raise OperatorError(f"this needs {module}, which is not installed", remedy)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    # the package around the module
    except ModuleNotFoundError:
        return False
