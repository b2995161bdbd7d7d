"""The clients of groups and surges are each once in any split, under numbers and names of their own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity, make_plan
from malaria.schedule.share import WHOLE, Share

IDENTITY = Identity("run", 1, 1)


@st.composite
def splits(draw: st.DrawFn) -> list[Share]:
    """Parts of the whole, some of them split again."""
    parts = list(WHOLE.split(draw(st.integers(1, 5))))
    for _ in range(draw(st.integers(0, 2))):
        parts += parts.pop(draw(st.integers(0, len(parts) - 1))).split(draw(st.integers(1, 4)))
    return parts


@given(
    splits(), st.integers(1, 20), st.integers(1, 20), st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=4)
)
def test_every_client_is_carried_once(shares: list[Share], a: int, b: int, surges: list[tuple[bool, int]]) -> None:
    warhead = Warhead.model_validate(
        {
            "group": [{"name": "a", "clients": a}, {"name": "b", "clients": b}],
            "surge": [{"group": "a" if first else "b", "clients": n, "at": 1} for first, n in surges],
            "attack": {"duration": "2s"},
        }
    )
    plans = [make_plan(warhead, share, IDENTITY) for share in shares]
    carried = [(part.surge, part.group.name, i) for p in plans for part in p.groups for i in part.members.tolist()]
    whole = make_plan(warhead, WHOLE, IDENTITY)
    expected = [(part.surge, part.group.name, i) for part in whole.groups for i in part.members.tolist()]
    assert sorted(carried, key=str) == sorted(expected, key=str)
    total = a + b + sum(n for _, n in surges)
    assert sorted(n for p in plans for part in p.groups for n in part.numbers.tolist()) == list(range(total))
    ids = [part.client_id(i) for p in plans for part in p.groups for i in part.members.tolist()]
    assert len(set(ids)) == total
    for p in plans:
        rows = [row for part in p.groups for row in range(part.first_row, part.first_row + part.count)]
        assert rows == list(range(p.clients))
        for part in p.groups:  # an even slice, of the surges too
            assert abs(part.count - part.clients * p.share.fraction) <= p.share.last - p.share.first
