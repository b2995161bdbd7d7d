"""`campaign.json`: what a campaign is and what has become of each of its parts, in the directory that holds their runs.

Promises: the file is whole at every moment, also when the writer is killed: a new one stands in place of the old one
at once. A directory may come from anywhere; whatever it holds gives records or a `RunError`.

Format version and its history (docs/run-format.md):
1  the fields of `malaria.records.rows.CampaignRecords`, and `format`
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from malaria.errors import RunError
from malaria.records.rows import CampaignPart, CampaignRecords, PartState
from malaria.records.store import RunEntry, stored_summary

FORMAT: Final = 1
FILE: Final = "campaign.json"
COPY: Final = "campaign.toml"
SOURCE: Final = "source"
"""The field that lies in a file of its own."""
LARGEST_FILE_BYTES: Final = 10**8
LARGEST_COPY_BYTES: Final = 10**6
DAMAGED: Final = "it is damaged, or no campaign of malaria's"

_DIRECTORY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A name, and no path that leads out of the campaign."""


def holds_campaign(directory: Path) -> bool:
    return (directory / FILE).is_file()


def write_campaign(directory: Path, records: CampaignRecords) -> None:
    """Puts it in place of what was there. Raises OSError when the disk does not take it; then the old one stands."""
    told = {name: value for name, value in asdict(records).items() if name != SOURCE}
    text = json.dumps({"format": FORMAT} | told, indent=2) + "\n"
    fresh = directory / f"{FILE}.new"
    fresh.write_text(text, encoding="ascii")
    os.replace(fresh, directory / FILE)


def open_campaign(directory: Path) -> CampaignRecords:
    """What `write_campaign` wrote. Raises RunError for what is no campaign, is damaged, or of a newer version."""
    path = directory / FILE
    if not path.is_file():
        raise RunError(f"{directory} holds no campaign", f"name a directory with a {FILE}; malaria runs lists them")
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise ValueError("it is too large")
        values = json.loads(path.read_text(encoding="utf-8"))
        _check_version(values, directory)
        return _campaign(values | {SOURCE: _source(directory)})
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}", DAMAGED) from None


def list_campaigns(root: Path) -> list[RunEntry]:
    """The campaigns below a directory, in the list of its runs. One that cannot be read is listed as such."""
    return [_entry(path.parent) for path in root.glob(f"**/{FILE}")] if root.is_dir() else []


def _entry(directory: Path) -> RunEntry:
    try:
        records = open_campaign(directory)
    except RunError as error:
        return RunEntry(directory, "", error.message, "", None)
    said = stored_summary(directory)
    return RunEntry(directory, records.started, records.title, said.target, said.outcome)


def _source(directory: Path) -> str:
    """The copy of its file; a campaign without one, as `malaria demo` was once, is one all the same."""
    path = directory / COPY
    if not path.is_file() or path.stat().st_size > LARGEST_COPY_BYTES:
        return ""
    return path.read_text(encoding="utf-8", errors="backslashreplace")


def _check_version(values: dict[str, Any], directory: Path) -> None:
    version = values.get("format")
    if type(version) is not int or version < 1:
        raise ValueError(f"its format is {version!r}")
    if version > FORMAT:
        message = f"{directory} has format {version}; this version of malaria reads up to {FORMAT}"
        raise RunError(message, "read it with a newer malaria: pip install -U mqtt-malaria")


def _campaign(values: dict[str, Any]) -> CampaignRecords:
    checked = _checked(CampaignRecords, values, _OF_CAMPAIGN)
    parts = tuple(_part(part) for part in checked.pop("parts"))
    if not parts:
        raise ValueError("it has no parts")
    return CampaignRecords(parts=parts, left_out=tuple(checked.pop("left_out")), **checked)


def _part(values: Mapping[str, Any]) -> CampaignPart:
    checked = _checked(CampaignPart, values, _OF_PART)
    return CampaignPart(state=PartState(checked.pop("state")), **checked)


def _checked(kind: type, values: Mapping[str, Any], rules: Mapping[str, Rule]) -> dict[str, Any]:
    """The values of a kind's fields. What is there beside them is of no concern to this version."""
    found = {field.name: values[field.name] for field in fields(kind)}
    for name, value in found.items():
        if not rules.get(name, _is_text)(value):
            raise ValueError(f"{name} is {str(value)[:40]!r}")
    return found


# --- what a value may be -------------------------------------------------------------------------------------------

type Rule = Callable[[object], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _is_directory(value: object) -> bool:
    return value is None or (isinstance(value, str) and _DIRECTORY.fullmatch(value) is not None)


def _is_flag(value: object) -> bool:
    return value is None or isinstance(value, bool)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _is_facts(value: object) -> bool:
    return isinstance(value, dict) and all(fact is None or isinstance(fact, str) for fact in value.values())


_OF_CAMPAIGN: Final[Mapping[str, Rule]] = {
    "broker": _is_facts, "options": _is_facts, "parts": _is_objects, "left_out": _is_texts,
}  # fmt: skip
_OF_PART: Final[Mapping[str, Rule]] = {
    "level": _is_count, "clients": _is_count, "directory": _is_directory, "clean": _is_flag,
}  # fmt: skip
"""What is not text."""
