"""The flame graph: widths are shares, the same stacks give the same picture, names from outside stay text."""

from __future__ import annotations

from malaria.report.page import flame
from malaria.report.page.flame import colour, flame_frames, flame_graph, stack_tree, widest

STACKS = {"m;main;poll_[k]": 6, "m;main;alloc": 3, "m;main": 1}


def test_a_frame_is_as_wide_as_its_share_and_stands_on_its_caller() -> None:
    drawn = {
        frame.symbol: (frame.depth, round(frame.left, 3), round(frame.width, 3), frame.samples)
        for frame in flame_frames(stack_tree(STACKS))
    }
    assert drawn == {
        "m": (0, 0.0, 1.0, 10),
        "main": (1, 0.0, 1.0, 10),
        "alloc": (2, 0.0, 0.3, 3),
        "poll_[k]": (2, 0.3, 0.6, 6),
    }


def test_the_order_of_the_stacks_does_not_matter() -> None:
    other = dict(reversed(STACKS.items()))
    assert flame_graph(STACKS) == flame_graph(other)


def test_the_kernel_has_colours_of_its_own() -> None:
    assert colour("poll_[k]") in flame.KERNEL_COLOURS
    assert colour("poll") in flame.PROGRAM_COLOURS
    assert "poll" in {frame.name for frame in flame_frames(stack_tree(STACKS))}


def test_what_nobody_could_see_is_not_drawn() -> None:
    stacks = {"m;a": 9_999, "m;b": 1}
    assert {frame.name for frame in flame_frames(stack_tree(stacks))} == {"m", "a"}


def test_the_number_of_frames_is_bounded() -> None:
    deep = {";".join(f"f{n}" for n in range(flame.MOST_FRAMES + 50)): 1}
    assert len(flame_frames(stack_tree(deep))) == flame.MOST_FRAMES


def test_a_narrow_frame_has_its_name_under_the_pointer_alone() -> None:
    frames = {frame.name: frame for frame in flame_frames(stack_tree({"wide": 199, "narrow": 1}))}
    assert frames["narrow"].share == "0.5 %, 1 sample"
    assert {name: frame.is_lettered for name, frame in frames.items()} == {"narrow": False, "wide": True}


def test_where_most_time_ended() -> None:
    assert widest(STACKS) == ["poll", "alloc", "main"]


def test_nothing_is_no_picture() -> None:
    assert flame_graph({}) is None
