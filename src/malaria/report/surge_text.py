"""The surges of a run as rows: whether the broker held meanwhile, and how fast it recovered. All texts are plain."""

from __future__ import annotations

from typing import Final

from malaria.analysis.summary_figures import SurgeFigures
from malaria.analysis.surge_words import hold_word, recovery_words, surge_clock
from malaria.records.run import Run
from malaria.report.figure_text import UNKNOWN, count

SURGE_HEAD: Final = ("surge", "from", "until", "during it", "after it", "why")
TO_THE_END: Final = "the end"


def surge_row(run: Run, surge: SurgeFigures) -> list[str]:
    """Return the cells under SURGE_HEAD."""
    until = TO_THE_END if surge.until_s is None else surge_clock(run, surge.until_s)
    # a bee that was lost leaves both open
    held = UNKNOWN if surge.held is None else hold_word(surge)
    back = UNKNOWN if surge.recovered is None else recovery_words(surge)
    return [
        f"+{count(surge.clients)} {surge.group}",
        surge_clock(run, surge.at_s),
        until,
        held,
        back,
        "; ".join(map(str, surge.reasons)),
    ]
