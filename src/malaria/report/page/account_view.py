"""The ledger section of a page: the sums, what is in none of them, and the other counters."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.analysis.summary_figures import Summary
from malaria.records.run import Run
from malaria.report.figure_text import count
from malaria.report.ledger_text import (
    AccountLine,
    apart_from_sums,
    counted,
    deliveries,
    ledger_notes,
    published,
)
from malaria.report.page.page_elements import CellTexts, PageTable, TableCell, defined, page_table


@dataclass(frozen=True, slots=True)
class SumLine:
    """One line of a sum: its sign, name, number and explanation."""

    sign: str
    label: TableCell
    number: str
    sentence: str
    is_total: bool


@dataclass(frozen=True, slots=True)
class AccountSum:
    title: str
    lines: tuple[SumLine, ...]


@dataclass(frozen=True, slots=True)
class AccountView:
    """`apart` and `counters` are None if there is nothing to count."""

    sums: tuple[AccountSum, ...]
    apart: PageTable | None
    notes: tuple[str, ...]
    counters: PageTable | None


def account_view(run: Run, summary: Summary) -> AccountView:
    messages = summary.messages
    sums = {"messages": published(messages), "deliveries": deliveries(messages)}
    apart: list[CellTexts] = [[_label(line), count(line.number), line.sentence] for line in apart_from_sums(messages)]
    return AccountView(
        tuple(AccountSum(title, tuple(map(_sum_line, lines))) for title, lines in sums.items() if lines),
        _counts("not in the sums", apart),
        ledger_notes(run),
        _counts("other counters", [[*line] for line in counted(run)]),
    )


def _sum_line(line: AccountLine) -> SumLine:
    return SumLine(line.sign, _label(line), count(line.number), line.sentence, line.sign == "=")


def _label(line: AccountLine) -> TableCell:
    return defined(line.name) if line.is_defined else TableCell(line.label)


def _counts(title: str, rows: list[CellTexts]) -> PageTable | None:
    return page_table([title, "", ""], rows, words=(2,), kind="sum") if rows else None
