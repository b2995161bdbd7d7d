"""Surges in rows."""

from __future__ import annotations

from dataclasses import replace

from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.report.figure_text import UNKNOWN
from malaria.report.surge_text import TO_THE_END, surge_row
from synthetic import HELD, STUCK

NO_RUN = Run(RunMeta(), (), (), None)


def test_one_that_was_held() -> None:
    assert surge_row(NO_RUN, HELD) == ["+500 meters", "1:00", "3:00", "held", "recovered after 4.1 s", ""]


def test_one_that_was_not() -> None:
    stayed = "never recovered within 1 min (metastable)"
    assert surge_row(NO_RUN, STUCK) == ["+1,000 meters", "1:00", "3:00", "broke", stayed, "acked <431>; 1,204 dropped"]


def test_one_that_stayed_and_of_which_little_is_known() -> None:
    stayed = replace(HELD, until_s=None, held=None, recovered=None)
    assert surge_row(NO_RUN, stayed)[2:5] == [TO_THE_END, UNKNOWN, UNKNOWN]
