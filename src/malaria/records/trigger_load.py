"""Hold the load of one trial of a trigger: a surge on top of a part of the proven load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class TriggerLoad:
    """A surge of `surge` clients (or messages per second) on the part `share` of the proven load, for `surge_s`.

    The target is then watched for `heal_s` seconds.
    """

    share: Annotated[float, Field(gt=0, le=1)]
    surge: Annotated[int, Field(ge=1)]
    surge_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    heal_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]
