"""Where a bee is to be set up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BeeLayout:
    """Its name as a worker of Dask, and where on its host we may write (empty: where Dask may)."""

    name: str
    directory: str = ""
