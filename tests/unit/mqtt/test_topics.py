"""Section 4.7 of the specification, by example."""

from __future__ import annotations

import pytest

from malaria.mqtt.topics import TopicTree, check_filter, check_topic, matches


@pytest.mark.parametrize(
    ("filter_", "topic", "expected"),
    [
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "a/b", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/monitor", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/monitor", True),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
        ("a/b", "a/b", True),
        ("a/b", "A/b", False),
    ],
)
def test_examples_of_the_specification(filter_: str, topic: str, expected: bool) -> None:
    assert matches(filter_, topic) is expected


def test_a_tree_gives_every_filter_that_matches() -> None:
    tree: TopicTree[int] = TopicTree()
    for value, filter_ in enumerate(["a/#", "a/+", "a/b", "+/b", "b", "#"]):
        tree.add(filter_, value)
    assert sorted(tree.match("a/b")) == [0, 1, 2, 3, 5]
    assert sorted(tree.match("b")) == [4, 5]


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0b", "x" * 65_536, "\ud800"])
def test_topics_that_nothing_can_be_published_to(topic: str) -> None:
    with pytest.raises(ValueError, match=r"topic"):
        check_topic(topic)


@pytest.mark.parametrize("filter_", ["", "a+", "a/b#", "#/a", "a/#/b", "\0"])
def test_filters_that_are_none(filter_: str) -> None:
    with pytest.raises(ValueError, match=r"filter"):
        check_filter(filter_)


@pytest.mark.parametrize("filter_", ["#", "+", "a/+/b/#", "/", "a b", "$SYS/#"])
def test_filters_that_are_some(filter_: str) -> None:
    check_filter(filter_)
