"""Matching against a naive reading of section 4.7, and against paho-mqtt's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from malaria.mqtt.topics import TopicTree, check_filter, check_topic, matches

words = st.sampled_from(["a", "b", "", "$SYS", "$"])
topics = st.lists(words, min_size=1, max_size=4).map("/".join).filter(bool)
filters = (
    st.tuples(st.lists(words | st.just("+"), max_size=4), st.booleans())
    .map(lambda drawn: "/".join([*drawn[0], "#"] if drawn[1] else drawn[0]))
    .filter(bool)
)


def naive(filter_: str, topic: str) -> bool:
    """The specification's sentences, one after the other."""
    if topic[0] == "$" and filter_[0] in "+#":
        return False
    wanted, levels = filter_.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        if len(levels) < len(wanted):
            return False
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(w in ("+", level) for w, level in zip(wanted, levels, strict=True))


@given(filters, topics)
def test_matching_is_what_the_specification_says(filter_: str, topic: str) -> None:
    assert matches(filter_, topic) is naive(filter_, topic)


@given(filters, topics)
def test_matching_is_what_paho_says(filter_: str, topic: str) -> None:
    assert matches(filter_, topic) is topic_matches_sub(filter_, topic)


@given(st.lists(filters, max_size=12), topics)
def test_a_tree_finds_each_matching_filter_once(many: list[str], topic: str) -> None:
    tree: TopicTree[int] = TopicTree()
    for value, filter_ in enumerate(many):
        tree.add(filter_, value)
    assert sorted(tree.match(topic)) == [value for value, filter_ in enumerate(many) if naive(filter_, topic)]


@given(filters, topics)
def test_what_is_made_by_the_rules_passes_the_checks(filter_: str, topic: str) -> None:
    check_filter(filter_)
    check_topic(topic)


@given(st.text(alphabet=st.characters() | st.sampled_from("/+#\0"), max_size=12))
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    try:
        check_filter(text)
    except ValueError:
        return
    wildcards = [level for level in text.split("/") if "+" in level or "#" in level]
    assert set(wildcards) <= {"+", "#"}
    assert "#" not in text[:-1]
