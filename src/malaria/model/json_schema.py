"""JSON Schemas of the files that people write: keys, notations and defaults as TOML has them, for editors.

Promises: what the model takes, the schema takes; an unknown key and a value of the wrong kind are refused. Does not
promise to refuse keys that contradict each other: the model does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import NullableSchema

from malaria.model.table import NAME, Table

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
"""The dialect that editors of TOML read (taplo, Even Better TOML)."""
_REFERENCE: Final = "#/definitions/{model}"


@dataclass(frozen=True, slots=True)
class WrittenAs:
    """A note on a type of raw keys: its JSON Schema is that of `table`.

    `name` makes a table of changes to another table: no key is required, and the keys in `without` are refused.
    `around` wraps the schema of the table into another schema.
    """

    table: type[Table]
    name: str = ""
    without: frozenset[str] = frozenset()
    around: Callable[[JsonSchemaValue], JsonSchemaValue] = lambda schema: schema

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(self.table.__pydantic_core_schema__)
        if not self.name:
            return self.around(reference)
        changes = {key: part for key, part in handler.resolve_ref_schema(reference).items() if key != "required"}
        changes["properties"] = {key: part for key, part in changes["properties"].items() if key not in self.without}
        return self.around({NAME: self.name, **changes})


class _Written(GenerateJsonSchema):
    """The schema generator. TOML has no null: an optional key is one that may be left out."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def written_schema(table: type[Table], title: str) -> dict[str, Any]:
    """Make the JSON Schema (draft 7) of the file whose outermost table is `table`."""
    schema = table.model_json_schema(by_alias=True, ref_template=_REFERENCE, schema_generator=_Written)
    arranged = _Arranged(schema.pop("$defs", {}))
    body = arranged.of(schema)
    return {"$schema": DIALECT, "title": title, **body, "definitions": dict(sorted(arranged.definitions.items()))}


class _Arranged:
    """The schema of pydantic, rearranged: `definitions` has only tables and named notations.

    Values without a name stand where they are used. Titles go: they repeat the key. Editors of draft 7 ignore what is
    written beside a `$ref`, so a description is put round it.
    """

    def __init__(self, made: dict[str, Any]) -> None:
        self._made = made
        self.definitions: dict[str, Any] = {}

    def of(self, schema: Any) -> Any:
        """Arrange one schema and those in it."""
        if isinstance(schema, list):
            return [self.of(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        rest = {
            key: self.of(part) for key, part in schema.items() if key not in ("$ref", NAME) and not _titled(key, part)
        }
        if NAME in schema:
            description = {key: rest.pop(key) for key in ("description", "default") if key in rest}
            self.definitions[schema[NAME]] = rest
            return _referring(schema[NAME], description)
        if "$ref" not in schema:
            return rest
        name = schema["$ref"].rpartition("/")[2]
        # a bare value (a number, an enum) is written where it is used; only tables are referred to
        if "properties" not in self._made[name] or NAME in self._made[name]:
            return self.of(self._made[name] | {key: part for key, part in schema.items() if key != "$ref"})
        if name not in self.definitions:
            self.definitions[name] = {}  # a table may hold itself
            self.definitions[name] = self.of(self._made[name])
        return _referring(name, rest)


def _titled(key: str, part: Any) -> bool:
    return key == "title" and isinstance(part, str)


def _referring(name: str, beside: dict[str, Any]) -> dict[str, Any]:
    reference = {"$ref": _REFERENCE.format(model=name)}
    return {"allOf": [reference], **beside} if beside else reference
