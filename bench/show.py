"""How every benchmark shows its figures: ours, the reference of the same run, their ratio, and what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

COLUMNS: Final = ("what", "ours", "reference", "ratio", "aim", "")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line. `aim` is the promise in words; `kept` None where nothing is promised."""

    what: str
    ours: str
    reference: str = ""
    ratio: float | None = None
    aim: str = ""
    kept: bool | None = None


def show(title: str, figures: Sequence[Figure], *notes: str) -> None:
    """Prints the table, and below it what one has to know to read it."""
    rows = [COLUMNS, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    print(f"\n{title}\n")
    for row in rows:
        print("  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for note in notes:
        print(f"  {note}")


def middle(values: Sequence[float]) -> float:
    """The median of a few rounds: one disturbed round does not count."""
    return float(median(values))


def spread(values: Sequence[float]) -> str:
    """The rounds behind a median, so that it can be judged."""
    return " ".join(f"{value:.2f}" for value in values)


def _cells(figure: Figure) -> tuple[str, ...]:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    kept = {True: "kept", False: "missed", None: ""}[figure.kept]
    return figure.what, figure.ours, figure.reference, ratio, figure.aim, kept
