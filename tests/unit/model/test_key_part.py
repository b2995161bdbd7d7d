"""A bee's part of a file of keys says which lines it has."""

from __future__ import annotations

import pytest

from malaria.model.key_part import Claim, KeyPart, misplaced, parts_of, read_heading

FILE = "0123456789abcdef"


def test_lines_go_round_and_begin_anew_where_a_group_begins() -> None:
    first, second = parts_of(7, 2, [3], FILE)
    assert (first.members(), second.members()) == ([0, 2, 3, 5], [1, 4, 6])
    assert first.place_of(5) == 3


def test_a_line_of_another_bee_is_not_there() -> None:
    part = parts_of(7, 2, [3], FILE)[0]
    for line in (1, 4, 7, -1):
        with pytest.raises(KeyError):
            part.place_of(line)


def test_the_heading_is_a_comment_to_everybody_else() -> None:
    part = KeyPart(2, 20, 3000, (0, 1500), FILE)
    assert part.heading == f"# malaria: part 3 of 20 of 3000 lines, turns begin at 0+1500, of file {FILE}"
    assert read_heading(part.heading + "\n") == part


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# keys",
        "meter-1:00ff",
        f"# malaria: part 3 of 2 of 30 lines, turns begin at 0, of file {FILE}",
        f"# malaria: part 1 of 2 of 30 lines, turns begin at 4, of file {FILE}",
        f"# malaria: part 1 of 2 of 30 lines, turns begin at 0+0, of file {FILE}",
    ],
)
def test_what_is_no_heading_is_none(line: str) -> None:
    assert read_heading(line) is None


@pytest.mark.parametrize(
    ("claim", "starts", "well"),
    [
        (Claim("meters", 0, 100), [], True),
        (Claim("meters", 20, 100), [], True),
        (Claim("meters", 3, 100), [], False),
        (Claim("meters", 3, 100), [3], True),
        (Claim("meters", 3, 100), [3, 50], False),  # another group's turns begin among its lines
        (Claim("meters", 3, 100), [3, 103], True),
        (Claim("meters", 3, 100), [3, 43], True),
        (Claim("meters", 43, 1), [3, 43], True),
    ],
)
def test_a_group_that_would_need_a_line_of_another_bee_is_found(claim: Claim, starts: list[int], well: bool) -> None:
    assert misplaced([claim], 20, starts) == (None if well else claim)
