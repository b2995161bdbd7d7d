"""The flame graph: widths are shares, the same stacks give the same picture, names from outside stay text."""

from __future__ import annotations

from malaria.report.page import flame
from malaria.report.page.flame import boxes, colour, flame_graph, tree, widest

STACKS = {"m;main;poll_[k]": 6, "m;main;alloc": 3, "m;main": 1}


def test_a_frame_is_as_wide_as_its_share_and_stands_on_its_caller() -> None:
    drawn = {box.name: (box.depth, round(box.left, 3), round(box.width, 3), box.samples) for box in boxes(tree(STACKS))}
    assert drawn == {
        "m": (0, 0.0, 1.0, 10),
        "main": (1, 0.0, 1.0, 10),
        "alloc": (2, 0.0, 0.3, 3),
        "poll_[k]": (2, 0.3, 0.6, 6),
    }


def test_the_order_of_the_stacks_does_not_matter() -> None:
    other = dict(reversed(STACKS.items()))
    assert flame_graph(STACKS, "x") == flame_graph(other, "x")


def test_the_kernel_has_colours_of_its_own() -> None:
    assert colour("poll_[k]") in flame.KERNEL_COLOURS
    assert colour("poll") in flame.PROGRAM_COLOURS
    assert "_[k]" not in flame_graph(STACKS, "x")


def test_what_nobody_could_see_is_not_drawn() -> None:
    stacks = {"m;a": 9_999, "m;b": 1}
    assert {box.name for box in boxes(tree(stacks))} == {"m", "a"}


def test_the_number_of_frames_is_bounded() -> None:
    deep = {";".join(f"f{n}" for n in range(flame.MOST_FRAMES + 50)): 1}
    assert len(boxes(tree(deep))) == flame.MOST_FRAMES


def test_a_symbol_is_text() -> None:
    made = flame_graph({"m;</title><script>alert(1)</script>": 1}, '"><script>')
    assert "<script" not in made
    assert "&lt;script&gt;alert(1)" in made


def test_a_narrow_frame_has_its_name_under_the_pointer_alone() -> None:
    made = flame_graph({"wide": 199, "narrow": 1}, "x")
    assert "<title>narrow: 0.5 %, 1 sample</title>" in made
    assert ">wide</text>" in made
    assert ">narrow</text>" not in made


def test_where_most_time_ended() -> None:
    assert widest(STACKS) == ["poll", "alloc", "main"]


def test_nothing_is_no_picture() -> None:
    assert flame_graph({}, "x") == ""
