"""Says who took the machine that made the load: other programs by name, or the broker that runs on it."""

from __future__ import annotations

import json
from collections import Counter as Tally
from dataclasses import dataclass
from typing import Final

from malaria.analysis.broker_figures import mean, rows_of
from malaria.analysis.windows import measured_window_ns
from malaria.printable import printable
from malaria.records.run import Run

PROGRAMS: Final = "programs"
"""The observer of the machine that makes the load."""
LEAST_PERCENT: Final = 25
"""Of the machine: with less, what others used does not explain a late load."""
TAKEN_PERCENT: Final = 90
"""Of the machine: from here on whoever wants a processor has to wait for one."""
MOST_NAMED: Final = 3
LEAST_NAMED_PERCENT: Final = 2


@dataclass(frozen=True, slots=True)
class MachineUse:
    """The mean use of the machine over the measured time by others, in percent of all its processors."""

    other_percent: float
    broker_percent: float
    named: tuple[tuple[str, float], ...]
    busy_percent: float = 0.0

    @property
    def is_taken(self) -> bool:
        """Tell whether the machine was nearly fully used, and more by others than by the load and the broker."""
        return self.busy_percent >= TAKEN_PERCENT and self.other_percent > self.busy_percent / 2

    def words(self) -> str:
        """Return who took the machine: `other programs used 92 % of this machine: chromium 41 %`; empty if nobody."""
        if self.broker_percent > self.other_percent and self.broker_percent >= LEAST_PERCENT:
            return f"the broker used {self.broker_percent:.0f} % of this machine, which made the load as well"
        if self.other_percent < LEAST_PERCENT:
            return ""
        names = ", ".join(f"{name} {percent:.0f} %" for name, percent in self.named)
        return f"other programs used {self.other_percent:.0f} % of this machine{f': {names}' if names else ''}"


def machine_use(run: Run) -> MachineUse | None:
    """Return who used the machine; None if it was not observed."""
    window = measured_window_ns(run)
    other = mean(run, PROGRAMS, "other_percent", window)
    if other is None or window is None:
        return None
    totals: Tally[str] = Tally()
    rows = [row for row in rows_of(run, PROGRAMS) if window[0] < row.at_ns <= window[1] and "largest" in row.values]
    for row in rows:
        totals.update(_named(str(row.values["largest"])))
    means = [(printable(name), total / len(rows)) for name, total in totals.most_common(MOST_NAMED)]
    named = tuple((name, percent) for name, percent in means if percent >= LEAST_NAMED_PERCENT)
    broker, busy = (mean(run, PROGRAMS, name, window) or 0.0 for name in ("broker_percent", "busy_percent"))
    return MachineUse(other, broker, named, busy)


def _named(text: str) -> dict[str, float]:
    """Return the programs of one row; empty for a damaged one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, int | float) and 0 <= value <= 100}
