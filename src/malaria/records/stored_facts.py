"""Reads the facts of a run (`meta`): those that are sound, and the names of the others."""

from __future__ import annotations

import sqlite3
from typing import Any

from pydantic import ValidationError

from malaria.records.damage import UNKNOWN_FACT
from malaria.records.run_meta import RunMeta
from malaria.records.stored_rows import FactRow
from malaria.records.stored_values import in_words


def read_facts(database: sqlite3.Connection) -> tuple[dict[str, Any], set[str], list[str]]:
    """Return the facts as JSON holds them, the names of those that cannot be read, and why.

    The table is in the order of its keys: what lies behind a damaged page is read from the end.
    """
    stored: dict[str, Any] = {}
    lost: set[str] = set()
    reasons: list[str] = []
    for order in ("key", "key DESC"):
        try:
            for key, value in database.execute(f"SELECT key, value FROM meta ORDER BY {order}"):
                try:
                    fact = FactRow.model_validate({"key": key, "value": value})
                    stored[fact.key] = fact.value
                except ValidationError as error:
                    lost.add(key if isinstance(key, str) else UNKNOWN_FACT)
                    reasons.append(f"meta {key}: {in_words(error)}")
            break
        except sqlite3.Error as error:
            lost.add(UNKNOWN_FACT)
            reasons.append(str(error))
    return stored, lost, reasons


def checked_facts(stored: dict[str, Any]) -> tuple[RunMeta, dict[str, str]]:
    """Return the facts that have the type of their name; and for each of the others the fault."""
    refused: dict[str, str] = {}
    while True:
        try:
            return RunMeta.model_validate({k: v for k, v in stored.items() if k not in refused}), refused
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_context=False, include_input=False):
                refused.setdefault(str(fault["loc"][0]), f"meta {in_words(error)}")
