"""Say in words what surges did, from the figures of the summary, for the verdict, the terminal and the page.

Moments count from the start of the load, like the times of surges in a warhead.
"""

from __future__ import annotations

from malaria.analysis.summary_figures import SurgeFigures
from malaria.analysis.timeline import load_start_ns
from malaria.clock import NS_PER_S
from malaria.records.run import Run
from malaria.units import format_clock, format_count, format_duration_ns, format_things


def surge_name(run: Run, surge: SurgeFigures) -> str:
    """Return `+500 clients at 3:00`."""
    return f"+{format_things(surge.clients, 'client')} at {surge_clock(run, surge.at_s)}"


def surge_clock(run: Run, at_s: float) -> str:
    """Return a moment of a surge's figures, which are run time, as people read it: `3:00` of the load."""
    # the figures are rounded to milliseconds: 2:59.9996 is 3:00
    return format_clock(round(at_s - load_start_ns(run.meta) / NS_PER_S, 2))


def surge_line(run: Run, surge: SurgeFigures) -> str:
    """Return `+500 at 3:00  held · recovered after 4 s`; for a surge that stayed to the end only the first part."""
    held = "not known whether it held" if surge.held is None else hold_word(surge)
    back = "not known whether it recovered" if surge.recovered is None else recovery_words(surge)
    words = [held] if surge.until_s is None else [held, back]
    return f"+{format_count(surge.clients)} at {surge_clock(run, surge.at_s)}  {' · '.join(words)}"


def surge_sentence(run: Run, surge: SurgeFigures) -> str:
    """Return `+500 clients at 3:00: the broker bent and recovered after 4 s: it acked 431 of 583 msg/s (74 %, …)`."""
    held = "whether the broker held is not known" if surge.held is None else f"the broker {hold_word(surge)}"
    back = ", whether it recovered is not known" if surge.recovered is None else f" and {recovery_words(surge)}"
    why = f": {'; '.join(surge.reasons)}" if surge.reasons else ""
    return f"{surge_name(run, surge)}: {held}{'' if surge.until_s is None else back}{why}"


def hold_word(surge: SurgeFigures) -> str:
    """Return `held`, `bent` or `broke`, where it is known."""
    return "held" if surge.held else "broke" if surge.broke else "bent"


def recovery_words(surge: SurgeFigures) -> str:
    """Return `recovered after 4 s` or `never recovered within 98 s (metastable)`, where it is known."""
    if surge.recovered:
        return f"recovered {f'after {_time(surge.recovery_s)}' if surge.recovery_s else 'at once'}"
    return f"never recovered within {_time(surge.watched_s or 0)}{' (metastable)' if surge.metastable else ''}"


def _time(seconds: float) -> str:
    return format_duration_ns(round(seconds * NS_PER_S))
