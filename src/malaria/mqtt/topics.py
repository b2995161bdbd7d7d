"""Topic names and topic filters: checks, and matching (MQTT 3.1.1, section 4.7)."""

from __future__ import annotations

from typing import Final

from malaria.mqtt.wire import LONGEST_STRING

SHARE: Final = "$share/"


def check_topic(topic: str) -> None:
    """Raise ValueError with a sentence if a topic cannot be published to."""
    _check_text(topic, "topic")
    if "+" in topic or "#" in topic:
        raise ValueError(f"topic {topic!r} holds a wildcard; only a filter may")


def check_filter(filter_: str) -> None:
    """Raise ValueError with a sentence if a filter cannot be subscribed to."""
    _check_text(filter_, "filter")
    levels = filter_.split("/")
    for level in levels:
        if ("+" in level or "#" in level) and len(level) > 1:
            raise ValueError(f"filter {filter_!r}: a wildcard must have its level to itself")
    if "#" in levels[:-1]:
        raise ValueError(f"filter {filter_!r}: '#' may only be the last level")
    if shared_part(filter_) == "" or filter_.startswith((f"{SHARE}/", f"{SHARE}+", f"{SHARE}#")):
        raise ValueError(
            f"filter {filter_!r}: a shared subscription is $share/NAME/FILTER, and its name has no wildcard"
        )


def shared_part(filter_: str) -> str | None:
    """Return the filter of a shared subscription `$share/NAME/FILTER`, or None for any other filter."""
    if not filter_.startswith(SHARE):
        return None
    return filter_.removeprefix(SHARE).partition("/")[2]


def matches(filter_: str, topic: str) -> bool:
    """Tell whether a message to `topic` goes to a subscriber of `filter_`."""
    tree: TopicTree[bool] = TopicTree()
    tree.add(filter_, True)
    return bool(tree.match(topic))


def _check_text(text: str, what: str) -> None:
    if not text:
        raise ValueError(f"a {what} must not be empty")
    if "\0" in text:
        raise ValueError(f"{what} {text!r} holds U+0000")
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{what} {text!r} cannot be written as UTF-8") from None
    if length > LONGEST_STRING:
        raise ValueError(f"a {what} of {length:,} bytes is too long; {LONGEST_STRING:,} is the most")


class _TopicNode[V]:
    __slots__ = ("children", "rest", "values")

    def __init__(self) -> None:
        self.children: dict[str, _TopicNode[V]] = {}
        self.values: list[V] = []  # of filters that end here
        self.rest: list[V] = []  # of filters that end in '#' here


class TopicTree[V]:
    """A map from filters to values that finds all filters that match a topic, at the cost of its levels."""

    def __init__(self) -> None:
        self._root: _TopicNode[V] = _TopicNode()

    def add(self, filter_: str, value: V) -> None:
        node = self._root
        for level in filter_.split("/"):
            if level == "#":
                node.rest.append(value)
                return
            node = node.children.setdefault(level, _TopicNode())
        node.values.append(value)

    def match(self, topic: str) -> list[V]:
        """Return the values of all matching filters; one that matches twice (overlapping filters) occurs twice."""
        levels = topic.split("/")
        found: list[V] = []
        system = topic.startswith("$")  # no wildcard matches a first level with '$' (MQTT-4.7.2-1)
        nodes = [self._root]
        for depth, level in enumerate(levels):
            following: list[_TopicNode[V]] = []
            for node in nodes:
                wild = not (system and depth == 0)
                if wild:
                    found += node.rest
                for name in (level, "+") if wild else (level,):
                    child = node.children.get(name)
                    if child is not None:
                        following.append(child)
            nodes = following
        for node in nodes:
            found += node.values
            found += node.rest  # '#' includes the parent level
        return found
