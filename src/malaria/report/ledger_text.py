"""The ledger as sums that add up, and every counter that is not zero in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.analysis.dropped import dropped_by
from malaria.analysis.windows import total
from malaria.records.run import Run
from malaria.report.definitions import COUNTERS, DEFINITIONS
from malaria.report.figure_text import Summary, count
from malaria.report.page.blocks import defined
from malaria.report.page.markup import table, text
from malaria.units import format_duration_ns

BROKER_DROPPED: Final = "messages that the broker itself says it dropped since the measured time began"


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One line of an account: `sign` is +, = or what else stands before it."""

    sign: str
    name: str
    number: int
    sentence: str = ""
    """Where the name is not defined at the end of the page."""


def account(records: Run, summary: Summary) -> str:
    """Messages, then deliveries; what cannot be known is said in words."""
    messages = summary["messages"]
    parts = [_sum("messages", published(messages)), _sum("deliveries", deliveries(messages)), _besides(messages)]
    notes = records.ledger.notes if records.ledger else ("The run has no ledger: it did not come to its end.",)
    parts += [f"<p>{text(note)}</p>" for note in notes]
    return "\n".join(part for part in parts if part) + _counters(records)


def published(messages: Summary) -> list[AccountLine]:
    """acked + not acked + not sent = due."""
    due, sent, acked = messages["due"], messages["sent"], messages["acked"]
    if due is None or sent is None or not due:
        return []
    first = [AccountLine("", "sent", sent)]
    if acked:
        waiting = AccountLine(
            "+", "not acked", sent - acked, "Sent, and no acknowledgement had come when the drain ended."
        )
        first = [AccountLine("", "acked", acked), waiting]
    unsent = AccountLine("+", "not sent", due - sent, "Due, and never handed to the kernel.")
    return [*first, unsent, AccountLine("=", "due", due)]


def deliveries(messages: Summary) -> list[AccountLine]:
    """delivered + lost + unresolved = expected."""
    if messages["expected"] is None:
        return []
    signs = {"delivered": "", "lost": "+", "unresolved": "+", "expected": "="}
    return [AccountLine(sign, name, messages[name]) for name, sign in signs.items()]


def _sum(title: str, entries: list[AccountLine]) -> str:
    if not entries:
        return ""
    rows = "".join(_row(entry) for entry in entries)
    return (
        f'<div class="scroll"><table class="sum"><thead><tr><th scope="col">{title}</th><td></td><td></td></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(entry: AccountLine) -> str:
    label = text(entry.name) if entry.sentence else defined(entry.name)
    sentence = entry.sentence or DEFINITIONS[entry.name][0]
    said = text(sentence) if entry.number else ""
    kind = ' class="sum"' if entry.sign == "=" else ""
    sign = f'<span class="sign">{entry.sign}</span>'
    return (
        f'<tr{kind}><th scope="row">{sign}{label}</th><td>{count(entry.number)}</td><td class="words">{said}</td></tr>'
    )


def _besides(messages: Summary) -> str:
    """What is part of a sum already, or beside it."""
    names = ("acked_lost", "duplicated", "reordered") if messages["expected"] is not None else ("unresolved",)
    known = [
        (defined(name), messages[name], text(DEFINITIONS[name][0])) for name in names if messages[name] is not None
    ]
    rows = [[label, count(number), sentence if number else ""] for label, number, sentence in known]
    return table(["besides", "", ""], rows, words=(2,), kind="sum") if rows else ""


def _counters(records: Run) -> str:
    rows = [[text(cell) for cell in line] for line in counted(records)]
    return table(["what else was counted", "", ""], rows, words=(2,), kind="sum") if rows else ""


def counted(records: Run) -> list[tuple[str, str, str]]:
    """Every other counter that is not zero: its name, the number, what it means in a sentence."""
    found = [
        _counted(name, number, sentence)
        for name, sentence in COUNTERS.items()
        if (number := total(records.samples, name))
    ]
    failures = records.meta.connect_failures.items()
    found += [("clients that could not connect", count(number), cause) for cause, number in failures]
    dropped = dropped_by(records)
    return [*found, ("dropped by the broker", count(dropped), BROKER_DROPPED)] if dropped else found


def _counted(name: str, number: int, sentence: str) -> tuple[str, str, str]:
    is_time = name.endswith("_ns")
    shown = format_duration_ns(number) if is_time else count(number)
    return name.removesuffix("_ns").replace("_", " ").replace("cpu", "CPU"), shown, sentence
