"""Holm's method against his own example and its promise."""

from __future__ import annotations

import numpy as np
import pytest

from malaria.analysis.compare.holm import holm


def test_the_steps() -> None:
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_false_finding_is_rare_whatever_the_number_of_questions() -> None:
    rng = np.random.default_rng(3)
    false = sum(min(holm(rng.uniform(size=9).tolist())) <= 0.05 for _ in range(4_000))
    assert false / 4_000 <= 0.06
