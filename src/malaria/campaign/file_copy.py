"""A campaign's file as it is kept beside what it measured: one that needs no other, and holds no secret.

Promises: read from anywhere on this host it gives the campaign that the original gave, but for passwords and keys that
stood in it. Files of keys and certificates stay where they are, and are named by their whole path.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import tomli_w

from malaria.campaign.definition import parsed
from malaria.model.faults import SECRETS
from malaria.model.warhead import warhead_table

NO_SECRETS: Final = """\
# Passwords, keys and headers are not written here: put them back into [target],
# or give MALARIA_PASSWORD or MALARIA_PSK.

"""
HEADERS: Final = "headers"
"""A table that is secret as a whole."""
_URL_LOGIN: Final = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")
"""User and password in an URL."""


def campaign_copy(text: str, directory: Path) -> str:
    """The copy of a campaign that was read from `text` in `directory`. Raises OperatorError for what is none."""
    table = parsed(text, "campaign", directory)
    defaults = table.get("defaults", {})
    if isinstance(defaults.get("warhead"), str):
        defaults["warhead"] = warhead_table((directory / defaults["warhead"]).absolute())
    told, secrets = _without_secrets(table)
    return (NO_SECRETS if secrets else "") + tomli_w.dumps(told)


def _without_secrets(value: Any) -> tuple[Any, int]:
    """The same without them, and how many there were."""
    if isinstance(value, dict):
        found = {key: _without_secrets(part) for key, part in value.items() if not _is_secret(key, part)}
        secrets = len(value) - len(found) + sum(count for _, count in found.values())
        return {key: part for key, (part, _) in found.items()}, secrets
    if isinstance(value, list):
        parts = [_without_secrets(part) for part in value]
        return [part for part, _ in parts], sum(count for _, count in parts)
    return _URL_LOGIN.subn("", value) if isinstance(value, str) else (value, 0)


def _is_secret(key: str, value: Any) -> bool:
    """A group may be named `password`: then it is a table."""
    return key in SECRETS and (key == HEADERS or not isinstance(value, dict))
