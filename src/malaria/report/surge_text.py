"""The surges of a run as rows: whether the broker held meanwhile, and how fast it recovered. All texts are plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from malaria.analysis.surge_words import holding_word, recovery_words
from malaria.report.figure_text import UNKNOWN, Summary, count
from malaria.units import format_clock

SURGE_HEAD: Final = ("surge", "from", "until", "the broker", "and then", "why")
TO_THE_END: Final = "the end"

type SurgeResult = Mapping[str, Any]


def surges_of(summary: Summary) -> list[SurgeResult]:
    """Return the surges that were judged; a summary of an older version may have none."""
    told = summary.get("surges")
    return [one for one in (told if isinstance(told, list) else []) if isinstance(one, Mapping)]


def surge_row(surge: SurgeResult) -> list[str]:
    """Return the cells under SURGE_HEAD."""
    until = TO_THE_END if surge["until_s"] is None else format_clock(surge["until_s"])
    held = UNKNOWN if surge["held"] is None else holding_word(surge)
    back = UNKNOWN if surge["recovered"] is None else recovery_words(surge)
    return [
        f"+{count(surge['clients'])} {surge['group']}",
        format_clock(surge["at_s"]),
        until,
        held,
        back,
        "; ".join(map(str, surge["reasons"])),
    ]
