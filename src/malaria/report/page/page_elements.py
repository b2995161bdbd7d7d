"""The elements that a page is made of, as plain values: tables, figures, charts, commands, downloads.

Texts are plain. The templates in `templates/elements.html` show them and escape every one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from malaria.analysis.figure_names import LABELS
from malaria.report.page.sparkline import Sparkline


@dataclass(frozen=True, slots=True)
class TableCell:
    """A text in a table. `link` is the id of an element of the same page; empty for none."""

    text: str
    link: str = ""
    look: str = ""
    """A verdict, in whose colour the text is shown, or `soft`; empty for the colour of the page."""
    is_indented: bool = False
    of: str = ""
    """What the text belongs to; shown when the rows are no longer in their order."""
    note: str = ""
    """A word after the text, in small letters."""
    rank: float | None = None
    """The number by which rows are sorted; None: by the text, or last where the text is no figure."""
    sparkline: Sparkline | None = None
    parts: tuple[TableCell, ...] = ()
    """Links in place of the text, each in its own colour; `note` says under the pointer where it leads."""


type CellTexts = list[str | TableCell]
"""A row before it is a table's; strings are cells without a link."""


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table. The first cell of a row names it. `words` numbers the columns of sentences; the others hold figures."""

    head: tuple[TableCell, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    words: frozenset[int] = frozenset()
    kind: str = ""
    """A class of the style sheet."""
    is_sortable: bool = False


@dataclass(frozen=True, slots=True)
class FoldedTable:
    """A table that opens when its label is clicked."""

    label: str
    table: PageTable


@dataclass(frozen=True, slots=True)
class FigureCard:
    """One of the figures that matter most, with a note below it (may be empty). `is_bad` shows it as trouble."""

    label: TableCell
    value: str
    note: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class ChartPlace:
    """The place of a chart, which the script of the page draws. `description` is for those who cannot see it.

    `height_px` is about as high as it will be, so that the page does not jump.
    """

    name: str
    height_px: int
    description: str


@dataclass(frozen=True, slots=True)
class CopyableCommand:
    """A command with a button that copies it. `identity` is its id in the page."""

    identity: str
    line: str


@dataclass(frozen=True, slots=True)
class DownloadLink:
    """A button that saves a file from the data of the page: a text as it is, or a table as CSV."""

    name: str
    label: str
    file: str = ""
    table: str = ""


def page_table(
    head: Sequence[str | TableCell],
    rows: Iterable[Sequence[str | TableCell]],
    words: Iterable[int] = (),
    kind: str = "",
) -> PageTable:
    """Return a table of cells, of which plain strings are texts without a link."""
    return PageTable(_cells(head), tuple(_cells(row) for row in rows), frozenset(words), kind)


def _cells(cells: Sequence[str | TableCell]) -> tuple[TableCell, ...]:
    return tuple(cell if isinstance(cell, TableCell) else TableCell(cell) for cell in cells)


def named_values(rows: Iterable[tuple[str, str]]) -> PageTable:
    """Return a table of names and values without a head."""
    return page_table(["", ""], rows, words=(1,), kind="facts")


def defined(name: str, label: str = "") -> TableCell:
    """Return the label of a figure, linked to its definition at the end of the page."""
    return TableCell(label or LABELS.get(name, name), f"def-{name}")


def outcome_cell(outcome: str) -> TableCell:
    return TableCell(outcome, look=outcome)


def paragraphs(note: str) -> tuple[str, ...]:
    """Split a note at its empty lines and join the lines of each paragraph."""
    # line breaks inside a paragraph are those of the file
    joined = (" ".join(part.split()) for part in note.split("\n\n"))
    return tuple(paragraph for paragraph in joined if paragraph)


def command_lines(commands: str, identity: str) -> tuple[CopyableCommand, ...]:
    """Return one command for each line; the ids of all but the first end in `-or-1`, `-or-2`, ..."""
    lines = commands.splitlines() or [commands]
    return tuple(CopyableCommand(f"{identity}{f'-or-{n}' if n else ''}", line) for n, line in enumerate(lines))
