"""Reads and writes `campaign.json`: what a campaign is and what has become of each of its parts.

Promises: the file is whole at every moment, also when the writer is killed: a new file replaces the old one at once. A
directory may come from anywhere; whatever it holds gives records or a `RunError`.

Format version and its history (docs/run-format.md):
1  the fields of `malaria.records.campaign_records.CampaignRecords`, and `format`
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from malaria.errors import RunError
from malaria.records.campaign_records import CampaignRecords
from malaria.records.store import RunEntry, stored_summary
from malaria.records.stored_values import in_words

FORMAT: Final = 1
FILE: Final = "campaign.json"
COPY: Final = "campaign.toml"
SOURCE: Final = "source"
"""The field that lies in a file of its own."""
LARGEST_FILE_BYTES: Final = 10**8
LARGEST_COPY_BYTES: Final = 10**6
DAMAGED: Final = "it is damaged, or no campaign of malaria's"


def holds_campaign(directory: Path) -> bool:
    return (directory / FILE).is_file()


def write_campaign(directory: Path, records: CampaignRecords) -> None:
    """Replace the stored campaign. Raises OSError when the disk does not take it; the old file is then unchanged."""
    content = {name: value for name, value in asdict(records).items() if name != SOURCE}
    text = json.dumps({"format": FORMAT} | content, indent=2, allow_nan=False) + "\n"
    fresh = directory / f"{FILE}.new"
    fresh.write_text(text, encoding="ascii")
    os.replace(fresh, directory / FILE)


def open_campaign(directory: Path) -> CampaignRecords:
    """Read a campaign. Raises RunError for a directory without one, a damaged one, or one of a newer version."""
    path = directory / FILE
    if not path.is_file():
        raise RunError(f"{directory} holds no campaign", f"name a directory with a {FILE}; malaria runs lists them")
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise ValueError("it is too large")
        values = json.loads(path.read_text(encoding="utf-8"))
        _check_version(values, directory)
        return _campaign(values | {SOURCE: _source(directory)})
    except ValidationError as error:
        raise RunError(f"{path} cannot be read: {in_words(error)}", DAMAGED) from None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}", DAMAGED) from None


def list_campaigns(root: Path) -> list[RunEntry]:
    """Return the campaigns below a directory as entries of the list of runs, unreadable ones included."""
    return [_entry(path.parent) for path in root.glob(f"**/{FILE}")] if root.is_dir() else []


def _entry(directory: Path) -> RunEntry:
    try:
        records = open_campaign(directory)
    except RunError as error:
        return RunEntry(directory, "", error.message, "", None)
    summary = stored_summary(directory)
    return summary.listed(RunEntry(directory, records.started, records.title, summary.target, summary.outcome))


def _source(directory: Path) -> str:
    """Return the copy of the campaign's file; empty where there is none (`malaria demo` once wrote none)."""
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
    """Check the values of `campaign.json`. Keys of later versions are left out."""
    return TypeAdapter(CampaignRecords).validate_python(values)
