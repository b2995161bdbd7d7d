"""The base of every table of a file: frozen, and without room for an unknown key.

What a JSON Schema says of a table stands here too; `malaria.model.json_schema` makes the schema of a whole file.
"""

from __future__ import annotations

import warnings
from typing import Final

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

NAME: Final = "x-name"
"""A schema with this key becomes a definition of that name."""


class Table(BaseModel):
    """One table of the file. The text below a field is its description in the JSON Schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(core)
        cls.adapt_schema(handler.resolve_ref_schema(reference))
        return reference

    @classmethod
    def adapt_schema(cls, schema: JsonSchemaValue) -> None:
        """Give the keys the defaults that a file would write; a subclass adds what else differs in the file."""
        with warnings.catch_warnings(action="ignore"):  # of fields that have no default, and so are not there
            defaults = cls.model_construct().model_dump(mode="json", by_alias=True, exclude_none=True)
        for key, entry in schema["properties"].items():
            entry.pop("default", None)
            # an empty list or table says no more than a missing key, and TOML has no null
            if (default := defaults.get(key)) not in (None, []) and not isinstance(default, dict):
                entry["default"] = default
