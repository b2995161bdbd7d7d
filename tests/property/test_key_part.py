"""The parts of a file of keys: every line once, and each client finds its own in its bee's part."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from malaria.model.key_part import Claim, KeyPart, misplaced, parts_of, read_heading
from malaria.schedule.share import WHOLE

FILE = "0123456789abcdef"
PARTS = st.integers(1, 9)
STARTS = st.lists(st.integers(0, 60), max_size=4)


@given(st.integers(0, 60), PARTS, STARTS)
def test_the_parts_hold_every_line_once(lines: int, parts: int, starts: list[int]) -> None:
    made = parts_of(lines, parts, starts, FILE)
    assert sorted(line for part in made for line in part.members()) == list(range(lines))
    for part in made:
        assert part.count == len(part.members())
        assert [part.place_of(line) for line in part.members()] == list(range(part.count))
        assert all(part.owner_of(line) == part.number for line in part.members())
        assert read_heading(part.heading) == part


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 12)), min_size=1, max_size=4), PARTS)
def test_groups_that_follow_each_other_find_their_keys_on_their_own_bee(
    runs: list[tuple[int, int]], parts: int
) -> None:
    claims, first = [], 0
    for number, (gap, clients) in enumerate(runs):
        claims.append(Claim(f"g{number}", first + gap, clients))
        first += gap + clients
    starts = [claim.first for claim in claims]
    assert misplaced(claims, parts, starts) is None
    _all_there(claims, parts_of(first, parts, starts, FILE))


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=4), PARTS, STARTS)
def test_what_is_said_to_be_well_is_well_and_the_rest_is_not(
    wants: list[tuple[int, int]], parts: int, starts: list[int]
) -> None:
    claims = [Claim(f"g{number}", first, clients) for number, (first, clients) in enumerate(wants)]
    made = parts_of(max(claim.first + claim.clients for claim in claims), parts, starts, FILE)
    wrong = misplaced(claims, parts, starts)
    well = claims if wrong is None else claims[: claims.index(wrong)]
    _all_there(well, made)
    if wrong is not None:
        owners = [made[0].owner_of(wrong.first + index) for index in range(wrong.clients)]
        assert owners != [index % parts for index in range(wrong.clients)]


def _all_there(claims: Sequence[Claim], parts: Sequence[KeyPart]) -> None:
    for claim in claims:
        for part, share in zip(parts, WHOLE.split(len(parts)), strict=True):
            for index in share.members(claim.clients).tolist():
                assert part.place_of(claim.first + index) >= 0
