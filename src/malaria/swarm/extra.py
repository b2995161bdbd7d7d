"""What only a swarm needs, and what to do when it is not installed."""

from __future__ import annotations

import importlib.util
from typing import Final

from malaria.errors import OperatorError

REMEDY: Final = "pip install 'mqtt-malaria[swarm]', or in a clone: uv sync --extra swarm"


def need_extra(module: str) -> None:
    """Raises OperatorError when a module of the extra `swarm` is not there. Imports nothing."""
    if importlib.util.find_spec(module) is None:
        raise OperatorError(f"a swarm needs {module}, which is not installed", REMEDY)
