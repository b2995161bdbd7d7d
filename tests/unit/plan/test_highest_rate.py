"""The highest rate of a load, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.model.warhead import Warhead
from malaria.plan.highest_rate import highest_rate

METERS = {"name": "meters", "clients": 100, "interval": "10s", "topic": "t/{index}"}
PUMPS = {"name": "pumps", "clients": 10, "interval": "2s", "topic": "p/{index}"}
LOOP = {"name": "loop", "clients": 5, "interval": 0, "topic": "u"}


@pytest.mark.parametrize(
    ("groups", "changes", "per_s"),
    [
        ((METERS,), (), 10),
        ((METERS, PUMPS, LOOP), (), 15),
        ((LOOP,), (), 0),
        ((METERS,), ("+50", "-140", "rate=1/s"), 15),
        ((METERS,), ("rate=1/s", "+50"), 150),
        ((METERS,), ("rate=1/60", "+50"), 10),
        ((METERS, PUMPS, LOOP), ("pumps: rate=3/s", "rate=2/s", "meters: +1", "loop: +1000", "storm"), 222),
    ],
)  # fmt: skip
def test_the_highest_rate_is_that_of_any_time(
    groups: tuple[dict[str, Any], ...], changes: tuple[str, ...], per_s: int
) -> None:
    stated = [{"at": f"{second}s", "do": do} for second, do in enumerate(changes, 1)]
    load = {"attack": {"duration": "1m"}, "group": groups, "change": stated}
    assert highest_rate(Warhead.model_validate(load)) == per_s
