"""Say in a sentence what a search has found: while it goes on, and at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.capacity.evidence import Trial, weigh
from malaria.analysis.capacity.search import CapacityAnswer, Ending
from malaria.analysis.outcome import Outcome
from malaria.clock import NS_PER_S
from malaria.records.search_goal import SearchGoal
from malaria.units import format_count, format_duration_ns, format_rate, format_things

_ENDINGS: Final = {
    Ending.GREATEST: "that is the greatest load that was asked for",
    Ending.GENERATOR: "this machine cannot make more",
    Ending.NO_EVIDENCE: "greater loads gave no evidence",
    Ending.BUDGET: "the time was used up",
    Ending.INTERRUPTED: "the search was cut short",
}


def load_name(load: int, goal: SearchGoal) -> str:
    """Return `3,050 clients` or `3,050 msg/s`."""
    return format_rate(load, "msg") if goal.by_rate else format_things(load, "client")


def standing(goal: SearchGoal, trials: Sequence[Trial]) -> str:
    """Return where the answer lies after these trials: `so far: between 2,000 and 4,000 clients`."""
    evidence = weigh(trials, goal.hold_s)
    bad = min((load for load, known in evidence.items() if known.leans_bad), default=None)
    good = max((load for load, known in evidence.items() if known.leans_good and (not bad or load < bad)), default=None)
    if good is None and bad is None:
        return ""
    if bad is None:
        return f"so far: at least {load_name(good or 0, goal)}"
    return f"so far: between {format_count(good or 0)} and {load_name(bad, goal)}"


def answer_sentence(answer: CapacityAnswer, goal: SearchGoal, trials: Sequence[Trial], why: str | None = None) -> str:
    """Return the answer: `carries 3,050 clients: proven by 3 of 3 holds of 30 s; 3,200 refuted by 2 of 2 holds: why`.

    `why` is what broke at the upper bound. A trial that is no evidence (INVALID) is in no count.
    """
    because = f": {why}" if why else ""
    if answer.ending is Ending.NOT_EVEN:
        return f"does not carry even {load_name(goal.smallest, goal)}: {_refuted(goal.smallest, trials, goal)}{because}"
    if answer.lower is None:
        refuted = f"less than {load_name(answer.upper, goal)}, " if answer.upper is not None else ""
        return f"no load is proven: {refuted}{_ENDINGS.get(answer.ending, 'the search was cut short')}"
    passed, holds = _holds(answer.lower, trials, goal, Outcome.PASS)
    least = "" if answer.ending is Ending.PROVEN else "at least "
    length = format_duration_ns(round(goal.hold_s * NS_PER_S))
    parts = [f"carries {least}{load_name(answer.lower, goal)}: proven by {passed} of {holds} holds of {length}"]
    if answer.ending in _ENDINGS:
        parts.append(_ENDINGS[answer.ending])
    if answer.upper is not None:
        parts.append(f"{format_count(answer.upper)} {_refuted(answer.upper, trials, goal)}{because}")
    return "; ".join(parts)


def _refuted(load: int, trials: Sequence[Trial], goal: SearchGoal) -> str:
    """Return `refuted by 2 of 3 holds`; trials, where one of them was shorter than a hold."""
    known = [trial for trial in trials if trial.load == load and trial.is_evidence]
    failed = sum(trial.outcome is Outcome.FAIL for trial in known)
    noun = "hold" if all(trial.hold_s >= goal.hold_s for trial in known) else "trial"
    return f"refuted by {failed} of {format_things(len(known), noun)}"


def _holds(load: int, trials: Sequence[Trial], goal: SearchGoal, outcome: Outcome) -> tuple[int, int]:
    """Return how many full holds at a load had this outcome, and how many gave evidence."""
    full = [trial for trial in trials if trial.load == load and trial.is_evidence and trial.hold_s >= goal.hold_s]
    return sum(trial.outcome is outcome for trial in full), len(full)
