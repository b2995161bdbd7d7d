"""The results of attacks, campaigns and searches, as Python code gets them. All of them are read only."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malaria.analysis.outcome import Outcome
from malaria.analysis.series import columns
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import (
    CapacityFigures,
    LatencyFigures,
    LevelSummary,
    RepeatFigures,
    Summary,
    Verdict,
)
from malaria.extras import need_extra
from malaria.outputs.files import PAGE, write_attack_files
from malaria.records.run import Run
from malaria.records.store import open_run

TEXT_COLUMNS = frozenset({"phase"})
FRAME_HEIGHT_PX = 720


@dataclass(frozen=True)
class Latencies:
    """The latencies of a run in milliseconds: `latency.ack.p99`. A figure that nothing was measured for is None."""

    connect: LatencyFigures = field(default_factory=LatencyFigures)
    tcp: LatencyFigures = field(default_factory=LatencyFigures)
    tls: LatencyFigures = field(default_factory=LatencyFigures)
    upgrade: LatencyFigures = field(default_factory=LatencyFigures)
    connack: LatencyFigures = field(default_factory=LatencyFigures)
    suback: LatencyFigures = field(default_factory=LatencyFigures)
    ack: LatencyFigures = field(default_factory=LatencyFigures)
    service: LatencyFigures = field(default_factory=LatencyFigures)
    lag: LatencyFigures = field(default_factory=LatencyFigures)
    end_to_end: LatencyFigures = field(default_factory=LatencyFigures)


class Series(Mapping[str, NDArray[Any]]):
    """The figures of each second, in columns of equal length: `series["acked_per_s"]`.

    `t_s` is run time in seconds. Figures are float64, NaN where one is unknown; `phase` holds texts.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._columns = {name: _array(name, values) for name, values in table.items()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def to_pandas(self) -> Any:
        """Return the columns as a pandas.DataFrame with `t_s` as its index. Raises OperatorError without pandas."""
        need_extra("pandas", "pip install pandas")
        return importlib.import_module("pandas").DataFrame(dict(self)).set_index("t_s")


def _array(name: str, values: Any) -> NDArray[Any]:
    if name in TEXT_COLUMNS:
        return np.array([value or "" for value in values], dtype=np.str_)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


@dataclass(frozen=True, repr=False)
class AttackResult:
    """One attack: its directory, its figures and verdict (`summary.json`, typed), and its records.

    `bool(result)` is True for a PASS.
    """

    directory: Path
    summary: Summary
    records: Run

    def __bool__(self) -> bool:
        return self.verdict.outcome is Outcome.PASS

    def __repr__(self) -> str:
        return in_a_line(self, self.summary)

    @property
    def verdict(self) -> Verdict:
        return self.summary.verdict

    @cached_property
    def latency(self) -> Latencies:
        return Latencies(**self.summary.latency_ms)

    @cached_property
    def series(self) -> Series:
        return Series(columns(self.records))

    @cached_property
    def page(self) -> Path:
        """Return the page of the run, written at the first call with `report.md` and `summary.json`. Raises OSError."""
        write_attack_files(self.records, self.summary, self.directory)
        return self.directory / PAGE

    def _repr_html_(self) -> str:
        return framed(self.page)


@dataclass(frozen=True, repr=False)
class CampaignResult:
    """A campaign or a search: its directory, its figures and verdict, and those of each level."""

    directory: Path
    summary: Summary

    def __bool__(self) -> bool:
        return self.verdict.outcome is Outcome.PASS

    def __repr__(self) -> str:
        return in_a_line(self, self.summary)

    @property
    def verdict(self) -> Verdict:
        return self.summary.verdict

    @property
    def levels(self) -> tuple[LevelSummary, ...]:
        return self.summary.levels

    @property
    def repeats(self) -> tuple[RepeatFigures, ...]:
        """Return how much the figures of each repeated load scatter; empty if none was repeated."""
        return self.summary.repeats or ()

    @property
    def capacity(self) -> CapacityFigures | None:
        """Return the answer of a search; None for a campaign of levels."""
        return self.summary.capacity

    @property
    def page(self) -> Path:
        return self.directory / PAGE

    def _repr_html_(self) -> str:
        return framed(self.page)


def load(directory: str | Path) -> AttackResult:
    """Return the stored run of an attack. Raises RunError if there is none, or if it cannot be read."""
    run = open_run(Path(directory))
    return AttackResult(Path(directory), summarize(run), run)


def in_a_line(result: AttackResult | CampaignResult, summary: Summary) -> str:
    """Return the verdict and the directory, as an interactive shell shows them; `summary` has the figures."""
    return f"<{type(result).__name__} {summary.verdict.outcome} {summary.headline!r} in {str(result.directory)!r}>"


def framed(page: Path) -> str:
    """Return the page in a frame of its own: its styles and scripts must not meet those of a notebook."""
    return (
        f'<iframe srcdoc="{escape(page.read_text(encoding="utf-8"))}" '
        f'style="width:100%;height:{FRAME_HEIGHT_PX}px;border:0"></iframe>'
    )
