"""Make the filters of a subscriber that hears all that a publishing group sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from malaria.errors import WarheadError
from malaria.model.completion import DEFAULT_TOPIC, wildcard
from malaria.model.group_keys import DEFAULT_CLIENT_ID
from malaria.model.placeholders import OF_CLIENT, check_template, fill
from malaria.units import NotationError

MOST_FILTERS: Final = 10_000
"""Filters of one SUBSCRIBE that a broker can be asked for."""
RUN: Final = {"run": "{run}"}
"""Left for the plan to fill: a run has its name only then."""


def hearing_filters(group: Mapping[str, Any], clients: int) -> list[str]:
    """Return the filters that match all topics of a group of so many clients: one for each topic, with wildcards.

    A first level that begins with `$` is matched by no wildcard (MQTT-4.7.2-1). Where it differs from client to client,
    each client has a filter of its own. Raises WarheadError where even that cannot be told.
    """
    topics = group.get("topics") or [group.get("topic", DEFAULT_TOPIC["publish"])]
    return list(dict.fromkeys(filter_ for topic in topics for filter_ in _hearing(group, str(topic), clients)))


def _hearing(group: Mapping[str, Any], topic: str, clients: int) -> list[str]:
    """Return the filters that match one topic of a group."""
    first, slash, rest = topic.partition("/")
    try:
        placeholders = check_template(first, OF_CLIENT)
        begins = _first_level(group, first, 0)
    except (NotationError, KeyError, ValueError):  # with {seq}, or no template: the warhead's own check says so
        placeholders, begins = frozenset({"seq"}), first
    if not begins.startswith("$"):
        return [wildcard(topic)]
    if not placeholders - {"run"}:
        return [f"{first}{slash}{wildcard(rest)}"]
    if clients > MOST_FILTERS or "seq" in placeholders:
        raise WarheadError(
            f"-t: {topic} begins with $, which no wildcard matches, so that no subscriber can hear all its topics",
            f"write the placeholder into a later level, use at most {MOST_FILTERS:,} clients, or add --no-subscriber",
        )
    levels = dict.fromkeys(_first_level(group, first, index) for index in range(clients))
    return [f"{level}{slash}{wildcard(rest)}" for level in levels]


def _first_level(group: Mapping[str, Any], level: str, index: int) -> str:
    """Return the first level of a client's topic as a template that holds no placeholder but {run}."""
    values: dict[str, str | int] = {**RUN, "group": str(group["name"]), "index": index}
    client = fill(str(group.get("client_id", DEFAULT_CLIENT_ID)), values)
    return fill(level, values | {"client": client})
