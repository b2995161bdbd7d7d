"""Surges in a line and in a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from malaria.analysis.summary_figures import SurgeFigures
from malaria.analysis.surge_words import surge_line, surge_sentence
from malaria.clock import NS_PER_S
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

HELD = SurgeFigures(
    group="meters", clients=1500, at_s=180.0, until_s=420.0, held=True, recovered=True, recovery_s=4.0, watched_s=98.0,
    metastable=False,
)  # fmt: skip
NO_RUN = Run(RunMeta(), (), (), None)
BENT: dict[str, Any] = {"held": False, "reasons": ("it acked less",)}
BROKE: dict[str, Any] = {"held": False, "broke": ("clients.dropped",)}
NEVER = {"recovered": False, "recovery_s": None}
UNSEEN = {"held": None, "recovered": None, "recovery_s": None, "metastable": None}


@pytest.mark.parametrize(
    ("figures", "line", "sentence"),
    [
        ({}, "held · recovered after 4 s", "the broker held and recovered after 4 s"),
        ({"recovery_s": 0.0}, "held · recovered at once", "the broker held and recovered at once"),
        (BENT, "bent · recovered after 4 s", "the broker bent and recovered after 4 s: it acked less"),
        (BROKE, "broke · recovered after 4 s", "the broker broke and recovered after 4 s"),
        (BROKE | NEVER, "broke · never recovered within 1 min 38 s",
         "the broker broke and never recovered within 1 min 38 s"),
        (BENT | NEVER | {"metastable": True}, "bent · never recovered within 1 min 38 s (metastable)",
         "the broker bent and never recovered within 1 min 38 s (metastable): it acked less"),
        (UNSEEN, "not known whether it held · not known whether it recovered",
         "whether the broker held is not known, whether it recovered is not known"),
        ({"until_s": None, "recovered": None}, "held", "the broker held"),
    ],
)  # fmt: skip
def test_a_surge_in_words(figures: dict[str, Any], line: str, sentence: str) -> None:
    assert surge_line(NO_RUN, replace(HELD, **figures)) == f"+1,500 at 3:00  {line}"
    assert surge_sentence(NO_RUN, replace(HELD, **figures)) == f"+1,500 clients at 3:00: {sentence}"


def test_its_moment_counts_from_the_start_of_the_load() -> None:
    """The figures are run time, rounded to milliseconds, and the start of the load is no round number."""
    run = replace(NO_RUN, meta=RunMeta(measure_start_ns=3 * NS_PER_S + 123_456_789))
    assert surge_line(run, replace(HELD, at_s=183.123)).startswith("+1,500 at 3:00 ")
