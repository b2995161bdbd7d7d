"""Clients that came all at once and went again: whether it held meanwhile, and how fast it was as before.

Texts are plain, but for `surges`, which is markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from malaria.clock import NS_PER_S
from malaria.report.figures import UNKNOWN, Summary, count
from malaria.report.markup import table, text
from malaria.units import format_duration_ns

HEAD: Final = ("surge", "from", "until", "held", "recovered", "why")

type Surge = Mapping[str, Any]


def surges_of(summary: Summary) -> list[Surge]:
    told = summary.get("surges")
    return [one for one in (told if isinstance(told, list) else []) if isinstance(one, Mapping)]


def row(surge: Surge) -> list[str]:
    """As HEAD."""
    reasons = surge.get("reasons") or ()
    return [name(surge), _at(surge.get("at_s")), _at(surge.get("until_s")), _yes(surge.get("held")),
            recovery(surge), "; ".join(map(str, reasons))]  # fmt: skip


def name(surge: Surge) -> str:
    return f"+{count(surge.get('clients'))} {surge.get('group') or 'clients'}"


def recovery(surge: Surge) -> str:
    """`in 4.1 s`; `never within 30 s`, and then whether the trouble stayed without its cause."""
    watched = _seconds(surge.get("watched_s"))
    if surge.get("recovered"):
        return f"in {_seconds(surge.get('recovery_s'))}"
    if surge.get("recovered") is None:
        return UNKNOWN
    stayed = ": the load had gone, the trouble stayed (metastable)" if surge.get("metastable") else ""
    return f"never within {watched}{stayed}"


def surges(summary: Summary) -> str:
    """A table; empty when there was no surge, or nobody judged it."""
    rows = [[text(cell) for cell in row(surge)] for surge in surges_of(summary)]
    return table(HEAD, rows, words=(4, 5)) if rows else ""


def _yes(answer: object) -> str:
    return UNKNOWN if answer is None else "yes" if answer else "no"


def _at(value: object) -> str:
    return f"{value:,.0f} s" if isinstance(value, int | float) else UNKNOWN


def _seconds(value: object) -> str:
    return format_duration_ns(round(value * NS_PER_S)) if isinstance(value, int | float) else UNKNOWN
