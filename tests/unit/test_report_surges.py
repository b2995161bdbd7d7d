"""Surges in words."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.report.figures import UNKNOWN
from malaria.report.surges import recovery, row, surges, surges_of

HELD: dict[str, Any] = {
    "group": "meters", "clients": 500, "at_s": 60.0, "until_s": 180.0, "held": True, "recovered": True,
    "recovery_s": 4.1, "watched_s": 60.0, "metastable": False, "reasons": [],
}  # fmt: skip
STUCK = HELD | {"clients": 1000, "held": False, "recovered": False, "recovery_s": None, "metastable": True,
                "reasons": ["acked <431>", "1,204 dropped"]}  # fmt: skip


def test_one_that_was_held() -> None:
    assert row(HELD) == ["+500 meters", "60 s", "180 s", "yes", "in 4.1 s", ""]


def test_one_that_was_not() -> None:
    stayed = "never within 1 min: the load had gone, the trouble stayed (metastable)"
    assert row(STUCK) == ["+1,000 meters", "60 s", "180 s", "no", stayed, "acked <431>; 1,204 dropped"]
    assert "acked &lt;431&gt;" in surges({"surges": [HELD, STUCK]})


@pytest.mark.parametrize("broken", [{}, {"surges": None}, {"surges": []}, {"surges": ["x"]}])
def test_nothing_to_say(broken: dict[str, Any]) -> None:
    assert surges_of(broken) == []
    assert surges(broken) == ""


def test_what_is_not_known_is_a_dash() -> None:
    assert recovery({}) == UNKNOWN
    assert set(row({})[1:5]) == {UNKNOWN}
