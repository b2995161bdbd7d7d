"""What the broker says it dropped: differences of its counter, never its value."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from malaria.analysis.dropped import Dropped, dropped_between, dropped_by
from malaria.clock import NS_PER_S as S
from malaria.records.rows import GAP, Reading
from synthetic import Course

type Told = Sequence[tuple[float, dict[str, Reading]]]


def by(told: Told) -> int | None:
    return dropped_by(Course([10] * 10, told=told).run())


def rows(*pairs: tuple[float, int]) -> Told:
    return [(at_s, {"publish_dropped": value}) for at_s, value in pairs]


@pytest.mark.parametrize(
    ("told", "count"),
    [
        (rows((-3, 500), (9.5, 500), (10.5, 500)), 0),  # an old retained value is no drop
        (rows((-3, 500), (5, 512), (11, 520)), 20),
        (rows((5, 0), (11, 4)), 4),  # the first word is zero since its start
        (rows((5, 7), (11, 7)), None),  # whether the 7 are ours nobody knows
        (rows((5, 7), (11, 9)), 2),
        (rows((-1, 7), (3, 2), (11, 3)), 3),  # the broker began anew
        (rows((-1, 900), (3, 600), (11, 610)), None),  # a node has left the sum: are the 10 new, or is it coming back?
        (rows((-1, 900), (3, 600), (11, 905)), 5),  # it has come back
        (rows((-1, 100), (3, 98), (5, 100), (7, 99), (11, 100)), None),
        (rows((-1, 900), (3, 600), (11, 600)), None),
        (rows((-1, 7), (3, -(10**30)), (11, 9)), 2),  # no count is negative, none is that large
        ([*rows((-1, 5)), (3, {"publish_dropped": 1e308}), *rows((4, 5), (11, 6))], 1),
        ([*rows((-1, 5)), (3, {"publish_dropped": 10**400}), *rows((4, 5), (11, 6))], 1),
        (rows((-1, 7), (2, 7)), None),  # nothing was heard afterwards
        ([*rows((-1, 7), (4, 9)), (5, {GAP: "gone"})], 2),
        ([*rows((-1, 7), (4, 7)), (5, {GAP: "gone"})], None),
        ([*rows((-1, 7), (4, 7)), (5, {GAP: "gone"}), (11, {"publish_dropped": 7})], 0),
        ([(-1, {"publish_dropped": 7}), (5, {"x": 1}), (11, {"x": 2})], 0),  # not told again: not changed
        ([(5, {"x": 1})], None),
        ([], None),
    ],
)
def test_over_the_measured_time(told: Told, count: int | None) -> None:
    assert by(told) == count


def test_a_broker_that_speaks_seldom_is_waited_for_as_long_as_it_uses_to_be_silent() -> None:
    assert by(rows((-11, 3), (-1, 3), (9, 3))) == 0
    assert by(rows((-2, 3), (-1, 3), (2, 3))) is None


def test_between_two_moments() -> None:
    counter = [(0, 5.0), (S, 7.0), (2 * S, None), (3 * S, 9.0), (4 * S, 20.0)]
    assert dropped_between(counter, S, 3 * S) == Dropped(2, whole=True)
    assert dropped_between(counter, S, 3 * S + 1) == Dropped(13, whole=True)
    assert dropped_between(counter, S, 9 * S) == Dropped(13, whole=False)
    assert dropped_between(counter, -1, S) == Dropped(2, whole=False)
    assert dropped_between([(0, None)], 0, S) is None
