"""Find uv, which can fetch a Python or packages for another kind of machine."""

from __future__ import annotations

import os
import shutil


def find_uv() -> str | None:
    """Return the path of uv, or None. uv names itself to the programs it runs; else PATH is searched."""
    return os.environ.get("UV") or shutil.which("uv")
