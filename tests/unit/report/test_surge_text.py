"""Surges in rows."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.analysis.recovery import RULES
from malaria.report.figure_text import UNKNOWN
from malaria.report.page.markup import text
from malaria.report.surge_text import TO_THE_END, row, surges, surges_of
from synthetic import HELD, STUCK


def test_one_that_was_held() -> None:
    assert row(HELD) == ["+500 meters", "1:00", "3:00", "held", "recovered after 4.1 s", ""]


def test_one_that_was_not() -> None:
    stayed = "never recovered within 1 min (metastable)"
    assert row(STUCK) == ["+1,000 meters", "1:00", "3:00", "broke", stayed, "acked <431>; 1,204 dropped"]
    assert "acked &lt;431&gt;" in surges({"surges": [HELD, STUCK]})


def test_one_that_stayed_and_of_which_little_is_known() -> None:
    stayed = HELD | {"until_s": None, "held": None, "recovered": None}
    assert row(stayed)[2:5] == [TO_THE_END, UNKNOWN, UNKNOWN]


def test_the_rules_are_stated() -> None:
    made = surges({"surges": [HELD]})
    assert all(text(rule) in made for rule in RULES.values())


@pytest.mark.parametrize("summary", [{}, {"surges": None}, {"surges": []}, {"surges": ["x"]}])
def test_nothing_to_say(summary: dict[str, Any]) -> None:
    assert surges_of(summary) == []
    assert surges(summary) == ""
