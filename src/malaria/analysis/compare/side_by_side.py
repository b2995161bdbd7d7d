"""Set two stored results side by side: every figure, its difference, and how much it varies within its run.

Two single runs cannot prove a difference of their targets, and no answer is given: `CANNOT_SAY` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.broker_figures import DOCKER, PROCESS, count_in, rows_of
from malaria.analysis.compare.block_bootstrap import (
    SEED,
    WithinRun,
    drawn_means,
    drawn_quantiles,
    ratio_bounds,
)
from malaria.analysis.compare.comparable import (
    Conditions,
    condition_changes,
    conditions_hash,
    conditions_of,
    searched_conditions,
)
from malaria.analysis.compare.compared_figures import CPU_PER_MESSAGE, cpu_us_per_message
from malaria.analysis.figure_names import limit_text, sentence_name
from malaria.analysis.quantiles import QUANTILES
from malaria.analysis.rules import unmet_rules
from malaria.analysis.seconds import rate_of, seconds_of
from malaria.analysis.summary_figures import Figures, Summary
from malaria.analysis.thresholds import Ruling, look_up, stated_thresholds
from malaria.analysis.windows import measured_window_ns
from malaria.clock import NS_PER_S
from malaria.model.threshold import FIGURES
from malaria.records.rows import Counter, Metric
from malaria.records.run import Run
from malaria.records.search_goal import SearchGoal
from malaria.schedule.arrays import Floats

CANNOT_SAY: Final = (
    "One run of each cannot tell whether the targets differ, or only these two runs: the bounds are those within a run "
    "and leave out what differs from run to run. For an answer: malaria compare --ab A B"
)
DRAWN_QUANTILES: Final = {name: q for name, q in QUANTILES.items() if q < 1}
"""The maximum of drawn seconds is never above that of the run, so that it has no bounds."""
DRAWN_LATENCIES: Final = (Metric.ACK, Metric.SERVICE, Metric.END_TO_END, Metric.LAG)
RATES: Final[Mapping[str, Counter]] = {
    "rates.due_per_s": Counter.DUE,
    "rates.sent_per_s": Counter.SENT,
    "rates.acked_per_s": Counter.ACKED,
    "rates.delivered_per_s": Counter.DELIVERED,
}


@dataclass(frozen=True, eq=False)
class FigureRow(Figures):
    """A figure of A and of B; `ratio` is B over A, with its bounds within the runs. None: not known."""

    name: str
    a: float | None
    b: float | None
    ratio: float | None = None
    within_run_low: float | None = None
    within_run_high: float | None = None


@dataclass(frozen=True, eq=False)
class ComparedLevel(Figures):
    """One level or attack of both sides: verdicts, every figure that one of them knows, and why they may differ."""

    name: str
    verdict_a: str
    verdict_b: str
    reason_a: str
    reason_b: str
    changed_conditions: tuple[str, ...]
    figures: tuple[FigureRow, ...]
    changed_limits: tuple[str, ...] = ()
    changed_by: str = ""
    """The figure that broke its limit on one side alone; empty if there is none."""

    @property
    def verdict_changed(self) -> bool:
        return self.verdict_a != self.verdict_b

    def figure(self, name: str) -> FigureRow | None:
        return next((row for row in self.figures if row.name == name), None)


@dataclass(frozen=True, eq=False)
class ComparedSide(Figures):
    """One of the two results: its directory, target, start, verdict, and the hash of its conditions."""

    directory: str
    target: str | None
    started: str | None
    verdict: str
    conditions: str | None


@dataclass(frozen=True, eq=False)
class SideBySide(Figures):
    """Two results side by side. `only_a` and `only_b` name the levels that the other one lacks.

    `capacity` has the bounds of two searches; their figures are those at the proven load.
    """

    a: ComparedSide
    b: ComparedSide
    levels: tuple[ComparedLevel, ...]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    capacity: tuple[FigureRow, ...] = ()
    cannot_say: str = CANNOT_SAY

    @property
    def changed_conditions(self) -> list[str]:
        """The conditions that differ, each level's after its name."""
        several = len(self.levels) > 1
        lines = [f"{level.name}: {line}" if several else line for level in self.levels
                 for line in level.changed_conditions]  # fmt: skip
        return list(dict.fromkeys(lines))

    @property
    def changed_limits(self) -> list[str]:
        """The stated limits that differ: `ack p99 none in A, < 1 ms in B`."""
        return list(dict.fromkeys(line for level in self.levels for line in level.changed_limits))


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A stored attack, campaign or search: its directory, its summary, and its runs by the name of their level.

    A search has its goal, and one run: that at the load that is proven, if any is.
    """

    directory: str
    summary: Summary
    runs: Mapping[str, tuple[Run, Summary]]
    search: SearchGoal | None = None

    def conditions(self, level: str) -> Conditions:
        """Return the conditions of a level. The load that a search varies is its answer, and no condition."""
        known = conditions_of(self.runs[level][0])
        return known if self.search is None else searched_conditions(known, self.search)


def compare_results(a: StoredResult, b: StoredResult) -> SideBySide:
    """Return both side by side, level by level. Raises RunError for a damaged histogram."""
    common = [name for name in a.runs if name in b.runs]
    return SideBySide(
        a=_side(a),
        b=_side(b),
        levels=tuple(_level(name, a, b) for name in common),
        only_a=tuple(name for name in a.runs if name not in b.runs),
        only_b=tuple(name for name in b.runs if name not in a.runs),
        capacity=_capacity(a.summary, b.summary),
    )


def _side(result: StoredResult) -> ComparedSide:
    summary = result.summary
    conditions = [conditions_hash(result.conditions(level)) for level in result.runs]
    only = conditions[0] if len(conditions) == 1 else None
    return ComparedSide(result.directory, summary.target, summary.started, summary.verdict.outcome, only)


def _capacity(a: Summary, b: Summary) -> tuple[FigureRow, ...]:
    if a.capacity is None or b.capacity is None:
        return ()
    return tuple(_row(f"capacity.{name}", a.capacity[name], b.capacity[name], None) for name in ("lower", "upper"))


def _level(name: str, a: StoredResult, b: StoredResult) -> ComparedLevel:
    (run_a, summary_a), (run_b, summary_b) = a.runs[name], b.runs[name]
    bounds = _bounds(run_a, run_b)
    rows = [_row(figure, _read(summary_a, figure), _read(summary_b, figure), bounds.get(figure)) for figure in NAMES]
    return ComparedLevel(
        name=name,
        verdict_a=summary_a.verdict.outcome,
        verdict_b=summary_b.verdict.outcome,
        reason_a=_reason(summary_a),
        reason_b=_reason(summary_b),
        changed_conditions=tuple(condition_changes(a.conditions(name), b.conditions(name))),
        figures=tuple(row for row in rows if row.a is not None or row.b is not None),
        changed_limits=tuple(_limit_changes(run_a, run_b)),
        changed_by=_changed_by(_broken(run_a, summary_a), _broken(run_b, summary_b)),
    )


def _limit_changes(run_a: Run, run_b: Run) -> Iterator[str]:
    """Yield a line for each figure whose stated limits differ."""
    of_a, of_b = _stated(run_a), _stated(run_b)
    for key in dict.fromkeys([*of_a, *of_b]):
        a, b = of_a.get(key, "none"), of_b.get(key, "none")
        if a != b:
            yield f"{sentence_name(key)} {a} in A, {b} in B"


def _stated(run: Run) -> dict[str, str]:
    """Return the stated limits as text, by the key of their figure."""
    limits: dict[str, list[str]] = {}
    for threshold in stated_thresholds(run):
        limits.setdefault(threshold.key, []).append(limit_text(threshold))
    return {key: " and ".join(texts) for key, texts in limits.items()}


def _broken(run: Run, summary: Summary) -> list[str]:
    """Return the figures that broke their limit, the most telling first."""
    return [rule.key for rule in unmet_rules(run, summary) if rule.ruling is Ruling.BROKEN]


def _changed_by(of_a: Sequence[str], of_b: Sequence[str]) -> str:
    """Return the first figure that broke its limit on one side and not on the other."""
    changed = [key for key in of_b if key not in of_a] + [key for key in of_a if key not in of_b]
    return next(iter(changed), "")


NAMES: Final = (
    CPU_PER_MESSAGE,
    *(name for name in FIGURES if name.startswith("broker.")),
    *(name for name in FIGURES if not name.startswith("broker.")),
    "generator.cpu_percent",
    "generator.rss_bytes",
    "duration_s",
)  # fmt: skip
"""Every figure that is compared, in the order of the table."""


def _read(summary: Summary, name: str) -> float | None:
    if name == CPU_PER_MESSAGE:
        return cpu_us_per_message(summary)
    if name == "duration_s":
        return summary.duration_s
    table, _, key = name.partition(".")
    if table == "generator":
        value: float | None = summary.generator[key]
        return value
    return look_up(summary, name)


def _row(name: str, a: float | None, b: float | None, bounds: WithinRun | None) -> FigureRow:
    if a is None or b is None or a <= 0:
        return FigureRow(name, a, b)
    return FigureRow(name, a, b, b / a, *((bounds.low, bounds.high) if bounds is not None else ()))


def _reason(summary: Summary) -> str:
    reasons = summary.verdict.reasons
    return reasons[0].text if reasons else ""


def _bounds(run_a: Run, run_b: Run) -> dict[str, WithinRun]:
    """Return the bounds within the runs of each figure that has a value in every second."""
    of_a, of_b = dict(_draws(run_a, SEED)), dict(_draws(run_b, SEED + 1))
    found = {name: ratio_bounds(of_a[name], of_b[name]) for name in of_a if name in of_b}
    return {name: bounds for name, bounds in found.items() if bounds is not None}


def _draws(run: Run, seed: int) -> Iterator[tuple[str, Floats]]:
    seconds = seconds_of(run)
    for metric in DRAWN_LATENCIES:
        drawn = drawn_quantiles([s.reported.histogram(metric) for s in seconds], tuple(DRAWN_QUANTILES.values()), seed)
        yield from ((f"{metric}.{name}", draws) for name, draws in zip(DRAWN_QUANTILES, drawn, strict=True))
    for name, counter in RATES.items():
        yield name, drawn_means([rate_of([second], counter) or 0.0 for second in seconds], seed)
    cpu = drawn_means(_cpu_course(run), seed)
    yield "broker.cpu_percent", cpu
    # the rate is the schedule's in most loads: its scatter is small beside that of the CPU
    yield CPU_PER_MESSAGE, cpu


def _cpu_course(run: Run) -> Sequence[float]:
    """Return the broker's CPU in each reading that lies within the measured time."""
    window = measured_window_ns(run)
    for observer in (PROCESS, DOCKER) if window is not None else ():
        values = [count_in(row.values.get("cpu_percent")) for row in rows_of(run, observer)
                  if window is not None and window[0] + NS_PER_S // 2 <= row.at_ns <= window[1]]  # fmt: skip
        if known := [float(value) for value in values if value is not None]:
            return known
    return []
