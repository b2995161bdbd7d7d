"""A sparkline keeps peaks and gaps."""

from __future__ import annotations

from malaria.report.page.sparkline import HEIGHT_PX, MOST_POINTS, WIDTH_PX, sparkline


def heights(parts: tuple[str, ...]) -> list[float]:
    return [float(point.partition(",")[2]) for part in parts for point in part.split()]


def test_it_goes_from_zero_to_the_greatest_value() -> None:
    made = sparkline([0, 5, 10], "rate")
    assert made is not None
    (part,) = made.parts
    assert part == f"0,{HEIGHT_PX - 1:.1f} {WIDTH_PX // 2},{HEIGHT_PX / 2:.1f} {WIDTH_PX},1.0"


def test_a_peak_among_many_values_stays_a_peak() -> None:
    values = [1.0] * 10 * MOST_POINTS
    values[137] = 50.0
    made = sparkline(values, "p99")
    assert made is not None
    assert len(heights(made.parts)) == MOST_POINTS
    assert min(heights(made.parts)) == 1.0


def test_a_gap_stays_a_gap() -> None:
    made = sparkline([1, 2, None, 2, 1], "rate")
    assert made is not None
    assert len(made.parts) == 2


def test_nothing_has_no_course() -> None:
    assert sparkline([], "rate") is None
    assert sparkline([0, 0, 0], "rate") is None
    assert sparkline([3], "rate") is None
