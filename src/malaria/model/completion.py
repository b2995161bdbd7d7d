"""Fill in the defaults of a group that depend on its other keys: topic, filters, header, interval.

Works on the table as read from the file, before validation; leaves wrong values for validation to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from malaria.model.faults import KeyPathError
from malaria.model.fields import interval_of_rate
from malaria.schedule.payload import HEADER_SIZE, Content, parse_size
from malaria.units import NotationError

DEFAULT_ROLE: Final = "publish"
DEFAULT_SIZE: Final = "100"
DEFAULT_TOPIC: Final[Mapping[str, str]] = {
    "publish": "malaria/{client}/data",
    "subscribe": "malaria/+/data",
    "respond": "malaria/+/data",
    "both": "malaria/{client}/data",
    "connect": "",
}


def completed(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table with `rate` turned into `interval`, and with topic, filters and header filled in."""
    group = dict(table)
    if "rate" in group:
        _turn_rate(group)
    role = group.get("role", DEFAULT_ROLE)
    if isinstance(role, str) and role in DEFAULT_TOPIC:
        _COMPLETE_TOPICS[str(role)](group)
    # a group that only connects has no topic, and the field must be there
    group.setdefault("topic", "")
    group.setdefault("header", _header(group))
    return group


def wildcard(topic: str, keep: frozenset[str] = frozenset()) -> str:
    """Return the filter that matches every topic of a template: levels with a placeholder (not in `keep`) are `+`."""
    return "/".join(level if _placeholders(level) <= keep else "+" for level in topic.split("/"))


def is_generated(payload: object) -> bool:
    """Tell whether malaria makes the payloads, not a file or a function."""
    return payload in set(Content)


def holds_header(size: str) -> bool:
    """Tell whether every payload of this size has room for the header. A spread round a mean is cut off below it."""
    spec = parse_size(size)
    return (spec.mean if spec.stddev else spec.low) >= HEADER_SIZE


def _turn_rate(group: dict[str, Any]) -> None:
    if "interval" in group:
        raise KeyPathError("rate", "cannot be used with interval: both set the rate", "write one of the two")
    try:
        group["interval"] = interval_of_rate(group.pop("rate"))
    except NotationError as error:
        raise KeyPathError("rate", error.message, error.remedy) from None


def _placeholders(text: str) -> frozenset[str]:
    try:
        return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)
    # not a template: the check of the templates says so, with its place
    except ValueError:
        return frozenset()


def _complete_publish(group: dict[str, Any]) -> None:
    if "topics" in group:
        _take_first(group, "topics", "topics that are published to")
    group.setdefault("topic", DEFAULT_TOPIC[group.get("role", DEFAULT_ROLE)])


def _complete_subscribe(group: dict[str, Any]) -> None:
    if "filters" not in group:
        group["filters"] = [group.setdefault("topic", DEFAULT_TOPIC["subscribe"])]
        return
    _take_first(group, "filters", "subscriptions")


def _complete_both(group: dict[str, Any]) -> None:
    _complete_publish(group)
    if isinstance(group["topic"], str):
        # by default a client subscribes to its own topics: only what differs between messages becomes +
        keep = frozenset({"client", "index", "group", "run"})
        several = group.get("topics")
        topics = several if isinstance(several, list | tuple) else [group["topic"]]
        group.setdefault("filters", [wildcard(topic, keep) for topic in topics if isinstance(topic, str)])


def _take_first(group: dict[str, Any], key: str, what: str) -> None:
    """Fill `topic`, a required field of the model, with the first of a list that stands in its place."""
    texts = group[key]
    first = texts[0] if isinstance(texts, list | tuple) and texts and isinstance(texts[0], str) else ""
    if group.setdefault("topic", first) != first:
        raise KeyPathError("topic", f"cannot be used with {key}: both set the {what}", "write one of the two")


_COMPLETE_TOPICS: Final = {
    "publish": _complete_publish,
    "subscribe": _complete_subscribe,
    "respond": _complete_subscribe,
    "both": _complete_both,
    "connect": _complete_publish,
}


def _header(group: Mapping[str, Any]) -> bool:
    """Return True if malaria makes the payloads and every size has room for the header."""
    try:
        return is_generated(group.get("payload", "random")) and holds_header(str(group.get("size", DEFAULT_SIZE)))
    # a wrong size is reported by its own check
    except (NotationError, TypeError):
        return True
