"""The evidence of trials about one load, and the bound that it proves (RFC 9971, "Load Classification").

A load is an upper bound when more than half of its time is bad even if all time that is still missing were good; it is
a lower bound when that is not so even if all missing time were bad. Until then it is undecided. So two of three holds
decide, and the third is made only when the first two disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from malaria.analysis.outcome import Outcome

EXCEED_RATIO: Final = 0.5
"""The share of the time at a load that may be bad for a lower bound; RFC 9971 recommends it for noisy targets."""


class Bound(StrEnum):
    """The proof of a load: carried, refuted, or not decided."""

    LOWER = "lower"
    UPPER = "upper"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Trial:
    """One attack of a search. `hold_s` is the length of its measured time, `took_s` all that it took (None: not known).

    `decisive` marks a FAIL that no other trial outvotes: an acknowledged message lost, a second delivery at QoS 2, a
    broker that died. `unsteady` marks a full hold that was too short to tell whether a queue grows: a PASS of it proves
    nothing, and a longer look follows. `rung` marks a short look of a staircase, of which one attack has many.
    """

    load: int
    outcome: Outcome
    hold_s: float
    decisive: bool = False
    unsteady: bool = False
    rung: bool = False
    took_s: float | None = None

    @property
    def is_evidence(self) -> bool:
        return self.outcome in (Outcome.PASS, Outcome.FAIL) and not (self.outcome is Outcome.PASS and self.unsteady)


@dataclass(frozen=True, slots=True)
class LoadEvidence:
    """The good and bad seconds of one load. Short trials can refute a load, and never prove it."""

    good_s: float = 0.0
    bad_s: float = 0.0
    short_good_s: float = 0.0
    broken: bool = False

    def bound(self, required_s: float) -> Bound:
        """Return what `required_s` seconds of evidence, known or missing, prove."""
        total_s = max(required_s, self.good_s + self.bad_s)
        if self.broken or self.bad_s > EXCEED_RATIO * total_s:
            return Bound.UPPER
        return Bound.LOWER if total_s - self.good_s <= EXCEED_RATIO * total_s else Bound.UNDECIDED

    @property
    def leans_good(self) -> bool:
        return not self.broken and self.good_s + self.short_good_s > self.bad_s

    @property
    def leans_bad(self) -> bool:
        return self.broken or self.bad_s > self.good_s + self.short_good_s

    @property
    def is_contested(self) -> bool:
        """Tell whether there is as much for the load as against it."""
        return not self.leans_good and not self.leans_bad


def weigh(trials: Iterable[Trial], hold_s: float) -> Mapping[int, LoadEvidence]:
    """Return the evidence about each load that has any. Trials shorter than `hold_s` are short."""
    evidence: dict[int, LoadEvidence] = {}
    for trial in trials:
        if trial.is_evidence:
            evidence[trial.load] = _add(evidence.get(trial.load, LoadEvidence()), trial, hold_s)
    return evidence


def _add(so_far: LoadEvidence, trial: Trial, hold_s: float) -> LoadEvidence:
    good_s, bad_s, short_good_s = so_far.good_s, so_far.bad_s, so_far.short_good_s
    if trial.outcome is Outcome.FAIL:
        bad_s += trial.hold_s
    elif trial.hold_s < hold_s:
        short_good_s += trial.hold_s
    else:
        good_s += trial.hold_s
    return LoadEvidence(good_s, bad_s, short_good_s, so_far.broken or trial.decisive)
