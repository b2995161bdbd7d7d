"""Surges in rows."""

from __future__ import annotations

from dataclasses import replace

from malaria.report.figure_text import UNKNOWN
from malaria.report.surge_text import TO_THE_END, surge_row
from synthetic import HELD, STUCK


def test_one_that_was_held() -> None:
    assert surge_row(HELD) == ["+500 meters", "1:00", "3:00", "held", "recovered after 4.1 s", ""]


def test_one_that_was_not() -> None:
    stayed = "never recovered within 1 min (metastable)"
    assert surge_row(STUCK) == ["+1,000 meters", "1:00", "3:00", "broke", stayed, "acked <431>; 1,204 dropped"]


def test_one_that_stayed_and_of_which_little_is_known() -> None:
    stayed = replace(HELD, until_s=None, held=None, recovered=None)
    assert surge_row(stayed)[2:5] == [TO_THE_END, UNKNOWN, UNKNOWN]
