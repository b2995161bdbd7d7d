"""Every warhead that a test of this room writes is also held against the JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft7Validator

from malaria.model import warhead as module
from malaria.model.json_schema import written_schema
from malaria.model.warhead import Warhead

SCHEMA = Draft7Validator(written_schema(Warhead, "A warhead of malaria"))
to_table = module.to_table


@pytest.fixture(autouse=True)
def _written_warheads_match_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(warhead: Warhead) -> dict[str, Any]:
        table = to_table(warhead)
        SCHEMA.validate(table)
        return table

    monkeypatch.setattr(module, "to_table", checked)
