from __future__ import annotations

from fractions import Fraction

import pytest

from malaria.schedule.share import WHOLE, Share


def test_the_whole_carries_everyone() -> None:
    assert WHOLE.members(5).tolist() == [0, 1, 2, 3, 4]
    assert WHOLE.count(5) == 5
    assert str(WHOLE) == "1"


def test_parts_are_striped() -> None:
    left, right = WHOLE.split(2)
    assert (left.members(5).tolist(), right.members(5).tolist()) == ([0, 2, 4], [1, 3])


def test_parts_of_parts_stay_inside_theirs() -> None:
    _, right = WHOLE.split(2)
    assert [part.members(8).tolist() for part in right.split(2)] == [[1, 5], [3, 7]]


def test_a_share_wider_than_one_stripe() -> None:
    assert Share(1, 3, 4).members(10).tolist() == [1, 2, 5, 6, 9]
    assert [part.members(12).tolist() for part in Share(0, 2, 3).split(2)] == [[0, 1, 6, 7], [3, 4, 9, 10]]


def test_fewer_clients_than_parts() -> None:
    assert [part.count(2) for part in WHOLE.split(4)] == [1, 1, 0, 0]
    assert Share(5, 6, 10**12).members(3).tolist() == []


def test_it_reads_as_a_reduced_fraction() -> None:
    assert str(WHOLE.split(2)[1].split(2)[0]) == "1/4"
    assert Share(0, 2, 6).fraction == Fraction(1, 3)


@pytest.mark.parametrize(("first", "last", "of"), [(0, 0, 1), (-1, 1, 2), (1, 3, 2), (0, 1, 0)])
def test_impossible_shares(first: int, last: int, of: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        Share(first, last, of)


def test_a_split_needs_a_part() -> None:
    with pytest.raises(ValueError, match="0 parts"):
        WHOLE.split(0)
