"""Describe the faults of a file: `meters.toml: group[0].rate: '10k/m' is not a rate`, and the remedy.

Promises: every fault that validation finds becomes one WarheadError that names the place; a password is never quoted.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from pydantic import ValidationError

from malaria.errors import OperatorError, WarheadError
from malaria.model.placeholders import literal
from malaria.units import NotationError, format_things

type Location = tuple[str | int, ...]
"""A place in the file: keys and positions, such as ("group", 0, "rate")."""

SECRETS: Final = frozenset({"password", "psk", "headers"})
"""Keys whose values are never shown. Headers too: a WebSocket is often opened with a token."""
NAME_REMEDY: Final = "write letters, digits, - and _, at most 64 of them"

LISTS: Final = frozenset({"group", "surge", "change", "level", "variant", "listener"})
"""The tables that can come several times, as [[name]]."""

TOO_SHORT: Final = "too_short"

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("is missing", "write it: it has no default"),
    "int_type": ("{value} is not a whole number", "write a number such as 10, without quotes"),
    "int_parsing": ("{value} is not a whole number", "write a number such as 10"),
    "bool_type": ("{value} is neither true nor false", "write true or false, without quotes"),
    "string_type": ("{value} is not a text", 'write it in quotes: "..."'),
    "enum": ("{value} is not a valid {key}", "write {expected}"),
    "greater_than_equal": ("{value} is too small", "write {ge} or more"),
    "less_than_equal": ("{value} is too large", "write {le} or less"),
    "less_than": ("{value} is too large", "write a number under {lt}"),
    "string_pattern_mismatch": ("{value} is not a valid {key}", NAME_REMEDY),
    "tuple_type": ("{value} is not a list", 'write a list: ["...", "..."]'),
    "literal_error": ("{value} is not a valid {key}", "write {expected}"),
    TOO_SHORT: ("is empty", "write at least one"),
    "model_type": ("{value} is not a table", "write [{key}] or [[{key}]] and its keys on the lines below"),
}
"""Kind of fault -> (what is wrong, what to do). Other kinds are described in the words of pydantic."""


MOST_FAULTS: Final = 20
"""Faults after the first that are listed."""


class KeyPathError(ValueError):
    """A key that contradicts others. `path` leads to the key from the table that was checked."""

    def __init__(self, path: str | Location, message: str, remedy: str) -> None:
        super().__init__(f"{message}; {remedy}")
        self.path: Location = (path,) if isinstance(path, str) else path
        self.message = message
        self.remedy = remedy


def explain(
    error: ValidationError,
    place: Callable[[Location], str],
    known: Mapping[str, frozenset[str]],
    kind: type[OperatorError] = WarheadError,
    hidden: Sequence[Mapping[str, Any]] = (),
) -> OperatorError:
    """Return an error that describes every fault, the first at the top; those of `hidden_faults` come last.

    `place` names a location to the operator; `known` has the keys of each kind of table, to find what was meant.
    """
    found = [*error.errors(include_url=False), *hidden]
    # where every table of a list is faulty, none is left, and the list seems empty
    faults = [fault for fault in found if fault["type"] != TOO_SHORT or not _is_faulty_inside(fault["loc"], found)]
    # an option sets the same key of several groups: one fault in people's eyes
    told: dict[str, tuple[str, str]] = {}
    for fault in faults:
        location, message, remedy = _fault(fault, known)
        told.setdefault(place(location), (message, remedy))
    (first, (message, remedy)), *others = told.items()
    # contradictions between keys show only when each key by itself is right
    lines = [f"{where}: {wrong}; {mend}" for where, (wrong, mend) in others[:MOST_FAULTS]]
    if more := len(others) - len(lines):
        lines.append(f"and {format_things(more, 'more fault')}")
    return kind(f"{first}: {message}", "\n".join([remedy, *lines]))


def _is_faulty_inside(location: Location, faults: Sequence[Mapping[str, Any]]) -> bool:
    return any(len(fault["loc"]) > len(location) and fault["loc"][: len(location)] == location for fault in faults)


def hidden_faults(
    error: ValidationError, table: Mapping[str, Any], check: Callable[[Mapping[str, Any]], object]
) -> list[Mapping[str, Any]]:
    """Return the faults that show only without the keys of `error`: a rate that cannot be read hides all of its group.

    `check` raises ValidationError. Faults that the missing keys themselves could cause are left out.
    """
    rest = deepcopy(dict(table))
    for fault in error.errors(include_url=False):
        location, _, _ = _fault(fault, {})
        holder: Any = rest
        for part in location[:-1]:
            holder = _inside(holder, part)
        if isinstance(holder, dict):
            holder.pop(location[-1], None)
    try:
        check(rest)
    except ValidationError as later:
        faults: list[Mapping[str, Any]] = [*later.errors(include_url=False)]
        return [
            each
            for each in faults
            if each["type"] != "missing" and not isinstance(each.get("ctx", {}).get("error"), KeyPathError)
        ]
    return []


def _inside(holder: Any, part: str | int) -> Any:
    """Return what a table or a list holds at a place; None if it holds nothing there."""
    if isinstance(holder, dict):
        return holder.get(part)
    return holder[part] if isinstance(holder, list) and isinstance(part, int) and part < len(holder) else None


def key_path(location: Location) -> str:
    """Write a place as text: `group[0].rate`. A key that holds a dot is quoted."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (f'"{part}"' if "." in part else part)
    return text


def _fault(fault: Mapping[str, Any], known: Mapping[str, frozenset[str]]) -> tuple[Location, str, str]:
    location: Location = fault["loc"]
    context: Mapping[str, Any] = fault.get("ctx", {})
    cause = context.get("error")
    # raised by a check of a whole table: it knows the key itself
    if isinstance(cause, KeyPathError):
        return (*location, *cause.path), cause.message, cause.remedy
    if isinstance(cause, NotationError):
        return location, cause.message, cause.remedy
    if fault["type"] == "extra_forbidden":
        return location, *_unknown_key(location, known)
    key = str(location[-1]) if location else "warhead"
    # errors reach logs and screens
    value = "what is written" if key in SECRETS else repr(fault["input"])[:80]
    message, remedy = SENTENCES.get(
        fault["type"], (literal(str(fault["msg"])), "see `malaria docs warhead` for this key")
    )
    values = {"key": key, "value": value} | {name: str(given).replace("'", '"') for name, given in context.items()}
    return location, message.format(**values), remedy.format(**values)


def _unknown_key(location: Location, known: Mapping[str, frozenset[str]]) -> tuple[str, str]:
    key = str(location[-1])
    table = next((str(part) for part in reversed(location[:-1]) if isinstance(part, str)), "")
    # most unknown keys are typing errors, or belong into another table
    near = difflib.get_close_matches(key, known.get(table, ()), n=1)
    if near:
        return "unknown key", f"did you mean {near[0]}?"
    elsewhere = [name for name, keys in known.items() if key in keys]
    if elsewhere:
        return "unknown key", f"it belongs into {_table_name(elsewhere[0])}"
    return "unknown key", f"known are {', '.join(sorted(known.get(table, ())))}"


def _table_name(table: str) -> str:
    return f"[[{table}]]" if table in LISTS else f"[{table}]" if table else "the top of the file"
