"""Judge a comparison of two sides from its runs: the answer about each figure, and the verdict over the whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from malaria.analysis.compare.answers import FigureAnswer, PairAnswer, PairedFigure, answer_figures
from malaria.analysis.compare.compare_words import answer_sentence_of
from malaria.analysis.compare.compared_figures import COMPARED, COUNTED, ComparedFigure
from malaria.analysis.compare.count_rules import CountAnswer, answer_counts
from malaria.analysis.compare.paired_runs import PairedRuns, paired_runs
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import AnsweredCount, AnsweredFigure, ComparisonFigures, Summary, Verdict
from malaria.analysis.thresholds import look_up
from malaria.records.campaign_records import INTERRUPTED, CampaignRecords
from malaria.records.comparison_goal import SIDES, ComparisonGoal

LEFT_OUT_REMEDY: Final = "end other programs on this machine, or make less load"


def judge_comparison(
    goal: ComparisonGoal, campaign: CampaignRecords, summaries: Mapping[str, Summary]
) -> tuple[ComparisonFigures, Verdict]:
    """Return the figures and the verdict of a comparison. `summaries` has that of each run, by its directory."""
    runs = paired_runs([(part, summaries.get(part.directory or "")) for part in campaign.parts])
    figures = [_answered(one) for one in answer_figures([_paired(figure, runs) for figure in COMPARED], goal.band)]
    counts = [
        _counted(one) for one in answer_counts(_counts(runs), {name: c.is_promise for name, c in COUNTED.items()})
    ]
    answers = [one.answer for one in figures if one.pairs] + [one.answer for one in counts]
    answer = _overall([PairAnswer(one) for one in answers])
    found = ComparisonFigures(
        a=goal.a,
        b=goal.b,
        pairs=len(runs.pairs),
        pairs_wanted=goal.pairs,
        pairs_left_out=runs.left_out,
        band=goal.band,
        answer=str(answer),
        figures=tuple(figures),
        counts=tuple(counts),
        verdicts_a=runs.verdicts[SIDES[0]],
        verdicts_b=runs.verdicts[SIDES[1]],
    )
    return found, _verdict(goal, campaign, found)


def _paired(figure: ComparedFigure, runs: PairedRuns) -> PairedFigure:
    values = [(figure.read(a), figure.read(b)) for a, b in runs.pairs]
    # a ratio needs both, above 0
    pairs = tuple((a, b) for a, b in values if a and b and a > 0 and b > 0)
    return PairedFigure(figure.name, pairs, figure.more_is_worse)


def _answered(one: FigureAnswer) -> AnsweredFigure:
    pairs, ratio = one.figure.pairs, one.ratio
    bounded = ratio is not None and math.isfinite(ratio.high)
    return AnsweredFigure(
        name=one.figure.name,
        answer=str(one.answer),
        a=median(a for a, _ in pairs) if pairs else None,
        b=median(b for _, b in pairs) if pairs else None,
        ratio=ratio.centre if ratio else None,
        low=ratio.low if ratio and bounded else None,
        high=ratio.high if ratio and bounded else None,
        coverage=ratio.coverage if ratio and bounded else None,
        pairs=len(pairs),
        pairs_more=one.pairs_more,
    )


def _counts(runs: PairedRuns) -> dict[str, list[tuple[int, int]]]:
    """Return the counts of each pair in which both sides know them."""
    found: dict[str, list[tuple[int, int]]] = {}
    for name in COUNTED:
        for a, b in ((look_up(a, name), look_up(b, name)) for a, b in runs.pairs):
            if a is not None and b is not None:
                found.setdefault(name, []).append((round(a), round(b)))
    return found


def _counted(one: CountAnswer) -> AnsweredCount:
    return AnsweredCount(
        name=one.name,
        answer=str(one.answer),
        a=one.a,
        b=one.b,
        runs_a=one.runs_a,
        runs_b=one.runs_b,
        pairs=one.pairs,
        pairs_more=one.pairs_more,
    )


def _overall(answers: Sequence[PairAnswer]) -> PairAnswer:
    """Return the answer of the whole: one worse figure makes it worse, one undecided makes it undecided."""
    for weightiest in (PairAnswer.WORSE, PairAnswer.UNDECIDED, PairAnswer.BETTER):
        if weightiest in answers:
            return weightiest
    return PairAnswer.SAME if answers else PairAnswer.UNDECIDED


def _verdict(goal: ComparisonGoal, campaign: CampaignRecords, found: ComparisonFigures) -> Verdict:
    """Return the verdict: PASS says that there is an answer, not that B is as good as A."""
    answer = PairAnswer(found.answer)
    sentence = answer_sentence_of(answer, found.figures, found.counts, goal.band)
    if answer is PairAnswer.WORSE and goal.fail_if_worse:
        return _of(Outcome.FAIL, sentence, found)
    if any(part.why == INTERRUPTED for part in campaign.parts):
        return _of(Outcome.UNKNOWN, f"{INTERRUPTED} after {found.pairs} of {goal.pairs} pairs: {sentence}", found)
    if found.pairs:
        return _of(Outcome.PASS, sentence, found)
    outcomes = {*found.verdicts_a, *found.verdicts_b}
    return _of(Outcome.INVALID if Outcome.INVALID in outcomes else Outcome.UNKNOWN, sentence, found)


def _of(outcome: Outcome, sentence: str, found: ComparisonFigures) -> Verdict:
    reasons = [Reason(outcome, sentence)]
    if found.pairs_left_out:
        whose = "this machine was the limit" if Outcome.INVALID in {*found.verdicts_a, *found.verdicts_b} else "UNKNOWN"
        text = f"{found.pairs_left_out} of {found.pairs + found.pairs_left_out} pairs are no evidence: {whose}"
        reasons.append(Reason(outcome, text, LEFT_OUT_REMEDY))
    return Verdict(outcome, tuple(reasons))
