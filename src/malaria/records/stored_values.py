"""The types that stored files are checked with. A value of another type is refused, never converted.

Files come from anywhere, so what reads them must not trust them: counts are no booleans, no fractions and fit in the
64 bits of SQLite; numbers are finite.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictInt, ValidationError

LARGEST: Final = (1 << 63) - 1
"""The largest integer that SQLite stores."""

type StoredCount = Annotated[int, Field(strict=True, ge=0, le=LARGEST)]
type StoredInt = Annotated[int, Field(strict=True, ge=-LARGEST - 1, le=LARGEST)]
type StoredNumber = StoredCount | Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
type StoredFlag = StrictBool
type StoredReading = str | StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)] | None


def in_words(error: ValidationError) -> str:
    """Return the first fault as one line: `surges[0].clients: Input should be a valid integer`."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).removeprefix(".")
    return f"{where}: {first['msg']}" if where else str(first["msg"])
