"""The ledger as sums that add up, and a sentence for every counter that is not zero. All texts are plain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.analysis.dropped import dropped_by
from malaria.analysis.figure_names import LABELS
from malaria.analysis.summary_figures import MessageFigures
from malaria.analysis.windows import in_phase, known_total, total
from malaria.records.rows import Counter, RunPhase
from malaria.records.run import Run
from malaria.report.definitions import COUNTERS, DEFINITIONS
from malaria.report.figure_text import count
from malaria.units import format_duration_ns, format_things

BROKER_DROPPED: Final = "messages that the broker itself says it dropped since the measured time began"
MOST_CAUSES: Final = 20
"""The most reasons of failed connects in one table."""
NO_LEDGER: Final = "The run has no ledger: it did not finish."


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One line of an account. `sign` stands before the name: + for a term, = for the total, or nothing."""

    sign: str
    name: str
    number: int
    own_sentence: str = ""
    """Explains a name that has no definition at the end of the page."""

    @property
    def label(self) -> str:
        return LABELS.get(self.name, self.name)

    @property
    def is_defined(self) -> bool:
        return not self.own_sentence

    @property
    def sentence(self) -> str:
        """Return the explanation; empty for a number of zero, which needs none."""
        return (self.own_sentence or DEFINITIONS[self.name][0]) if self.number else ""


def published(messages: MessageFigures) -> list[AccountLine]:
    """Return the account of the messages: acked + not acked + not sent = due. Empty if nothing was due."""
    due, sent, acked = messages.due, messages.sent, messages.acked
    # an attack that only subscribes publishes nothing
    if due is None or sent is None or not due:
        return []
    first = [AccountLine("", "sent", sent)]
    if acked:  # nothing is acknowledged at QoS 0: the sum then begins with what was sent
        first = [
            AccountLine("", "acked", acked),
            AccountLine("+", "not acked", sent - acked, _not_acked(sent - acked, messages.unacked)),
        ]
    unsent = AccountLine("+", "not sent", due - sent, "Due, and never handed to the kernel.")
    return [*first, unsent, AccountLine("=", "due", due)]


def _not_acked(number: int, unacked: int | None) -> str:
    sentence = "Sent, and no acknowledgement had come when the drain ended."
    if unacked is None or number <= unacked:
        return sentence
    answers = f"{count(unacked)} of them were" if unacked else "None of them was"
    why = "QoS 0 has no answer, and some may have been refused, or under way when malaria broke their connection."
    return f"{sentence} {answers} owed one: {why}"


def deliveries(messages: MessageFigures) -> list[AccountLine]:
    """Return the account of the deliveries: delivered + lost + unresolved = expected. Empty if that is not known."""
    if messages.expected is None:
        return []
    signs = {"delivered": "", "lost": "+", "unresolved": "+", "expected": "="}
    return [AccountLine(sign, name, messages[name]) for name, sign in signs.items()]


def apart_from_sums(messages: MessageFigures) -> list[AccountLine]:
    """Return the known counts that are part of a sum already, or of none."""
    # without the deliveries there is no sum that has the unresolved messages
    names = ("acked_lost", "duplicated", "reordered") if messages.expected is not None else ("unresolved",)
    lines = [AccountLine("", name, messages[name]) for name in names if messages[name] is not None]
    rare = ("duplicated_qos_2", "overlapping", "unacked")
    return lines + [AccountLine("", name, messages[name]) for name in rare if messages[name]]


def ledger_notes(run: Run) -> tuple[str, ...]:
    """Return the remarks of the ledger; a run that was cut off has no ledger, and that is the remark."""
    if run.ledger is None:
        return (NO_LEDGER,)
    warmup = warmup_messages(run)
    note = f"{format_things(warmup, 'message')} of this account came in the warm-up, which the rates leave out."
    return (*run.ledger.notes, *((note,) if warmup else ()))


def warmup_messages(run: Run) -> int:
    """Return how many of the messages in the account were due before the measured time; 0 if that is not known."""
    return 0 if run.damage.hits("sample") else total(in_phase(run, RunPhase.WARMUP), Counter.DUE)


def counted(run: Run) -> list[tuple[str, str, str]]:
    """Return every other counter that is not zero: its name, the number, and a sentence that explains it."""
    found = [
        _counter(name, number, sentence) for name, sentence in COUNTERS.items() if (number := known_total(run, name))
    ]
    failures = sorted(run.meta.connect_failures.items(), key=lambda failure: -failure[1])
    found += [("clients that could not connect", count(number), cause) for cause, number in failures[:MOST_CAUSES]]
    if len(failures) > MOST_CAUSES:
        more = count(len(failures) - MOST_CAUSES)
        found.append(("more reasons", more, "why clients could not connect: malaria export -f json has them"))
    dropped = dropped_by(run)
    return [*found, ("dropped by the broker", count(dropped), BROKER_DROPPED)] if dropped else found


def _counter(name: str, number: int, sentence: str) -> tuple[str, str, str]:
    # one counter is a time, CPU in handshakes
    is_time = name.endswith("_ns")
    shown = format_duration_ns(number) if is_time else count(number)
    return name.removesuffix("_ns").replace("_", " ").replace("cpu", "CPU"), shown, sentence
