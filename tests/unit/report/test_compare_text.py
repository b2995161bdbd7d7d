"""Figures and differences of a comparison in words."""

from __future__ import annotations

import math

import pytest

from malaria.analysis.compare.compare_words import bounds_text, change_text
from malaria.analysis.compare.side_by_side import NAMES
from malaria.report.compare_text import figure_label, figure_text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(1.0, "0 %"), (1.12, "+12 %"), (0.9991, "−0.1 %"), (0.99999, "0 %"), (1.0996, "+10 %"), (0.5, "−50 %"),
     (3.99, "+299 %"), (7.28, "×7.3"), (24.9, "×25"), (None, "—"), (math.inf, "—")],
)  # fmt: skip
def test_a_ratio_is_a_difference(ratio: float | None, text: str) -> None:
    assert change_text(ratio) == text


def test_bounds() -> None:
    assert bounds_text(1.092, 1.14) == "+9.2 to +14 %"
    assert bounds_text(None, 1.1) == bounds_text(0.0, math.inf) == ""


def test_figures_have_their_unit() -> None:
    names = ("broker.cpu_us_per_message", "broker.rss_bytes", "broker.cpu_percent", "ack.p99", "rates.acked_per_s",
             "messages.lost", "duration_s")  # fmt: skip
    texts = [figure_text(name, 8.14) for name in names]
    assert texts == ["8.1 µs", "8 B", "8.14 %", "8.1 ms", "8.14/s", "8", "8.1 s"]
    assert figure_text("ack.p99", None) == "—"


def test_labels() -> None:
    shown = [
        figure_label(name) for name in ("ack.p99_9", "end_to_end.p50", "rates.due_per_s", "clients.connected_peak")
    ]
    assert shown == ["ack p99.9", "end to end p50", "due per second", "clients connected peak"]
    labels = [figure_label(name) for name in NAMES]
    assert len(set(labels)) == len(labels)
