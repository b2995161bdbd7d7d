"""How long the tests of mutated input are.

`MALARIA_FUZZ=10 uv run pytest -m slow tests/fuzz` tries ten times as much.
"""

from __future__ import annotations

import os


def rounds(number: int) -> int:
    """Return the number of rounds: `number`, times MALARIA_FUZZ."""
    return int(number * float(os.environ.get("MALARIA_FUZZ", "1")))
