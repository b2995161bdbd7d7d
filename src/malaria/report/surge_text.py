"""Clients that came all at once and went again, as rows: whether it held meanwhile, and how fast it was as before.

Texts are plain, but for `surges`, which is markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from malaria.analysis.recovery import RULES
from malaria.analysis.surge_words import holding_word, recovery_words
from malaria.report.figure_text import UNKNOWN, Summary, count
from malaria.report.page.markup import folded, table, text
from malaria.units import format_clock

HEAD: Final = ("surge", "from", "until", "the broker", "and then", "why")
TO_THE_END: Final = "the end"

type SurgeResult = Mapping[str, Any]


def surges_of(summary: Summary) -> list[SurgeResult]:
    """Those that were judged; a summary may be of an older version."""
    told = summary.get("surges")
    return [one for one in (told if isinstance(told, list) else []) if isinstance(one, Mapping)]


def row(surge: SurgeResult) -> list[str]:
    """As HEAD."""
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


def surges(summary: Summary) -> str:
    """A table, and the rules; empty when there was no surge, or nobody judged it."""
    rows = [[text(cell) for cell in row(surge)] for surge in surges_of(summary)]
    if not rows:
        return ""
    rules = "".join(f"<dt>{text(name)}</dt><dd>{text(sentence)}</dd>" for name, sentence in RULES.items())
    return table(HEAD, rows, words=(3, 4, 5)) + folded("by which rules", f'<dl class="rules">{rules}</dl>')
