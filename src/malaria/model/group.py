"""A group: a set of clients that behave alike, with the names, topics and properties of each client.

Promises: a group is complete and consistent. Defaults that depend on other keys (topic, filters, header) are filled in.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator
from pydantic.json_schema import JsonSchemaValue

from malaria.model.completion import completed
from malaria.model.fields import RATE_SCHEMA
from malaria.model.group_checks import check_group
from malaria.model.group_keys import GroupKeys


class Group(GroupKeys):
    """Clients that behave alike. Keys that contradict each other are refused."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, table: Any) -> Any:
        return completed(table) if isinstance(table, dict) else table

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_group(self)
        return self

    @classmethod
    def adapt_schema(cls, schema: JsonSchemaValue) -> None:
        """Add `rate`, and ask for no key that `completed` fills in."""
        super().adapt_schema(schema)
        schema["properties"]["rate"] = RATE_SCHEMA
        schema["properties"]["header"].pop("default", None)
        schema["required"] = [key for key in schema["required"] if key != "topic"]
