"""Shares add up exactly, however often they are split."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from malaria.schedule.share import WHOLE, Share


@st.composite
def splits(draw: st.DrawFn) -> list[Share]:
    """Parts of the whole, some of them split again."""
    parts = list(WHOLE.split(draw(st.integers(1, 4))))
    for _ in range(draw(st.integers(0, 3))):
        parts += parts.pop(draw(st.integers(0, len(parts) - 1))).split(draw(st.integers(1, 4)))
    return parts


@given(splits(), st.integers(0, 200))
def test_every_index_belongs_to_one_part(parts: list[Share], total: int) -> None:
    members = [part.members(total).tolist() for part in parts]
    assert sorted(chain(*members)) == list(range(total))
    assert all(own == sorted(own) for own in members)
    assert [part.count(total) for part in parts] == [len(own) for own in members]
    assert sum(part.fraction for part in parts) == 1


@given(st.integers(1, 12).flatmap(lambda of: st.tuples(st.integers(0, of - 1), st.integers(1, of), st.just(of))),
       st.integers(1, 5), st.integers(0, 100))  # fmt: skip
def test_a_split_holds_what_its_share_held(bounds: tuple[int, int, int], parts: int, total: int) -> None:
    first, length, of = bounds
    share = Share(first, min(first + length, of), of)
    assert share.members(total).tolist() == [i for i in range(total) if share.first <= i % of < share.last]
    split = [part.members(total).tolist() for part in share.split(parts)]
    assert sorted(chain(*split)) == share.members(total).tolist()
    assert len({part.fraction for part in share.split(parts)}) == 1
