"""`malaria schema`: the JSON Schema of a file, for editors and for checks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from malaria.cli.output import write_text
from malaria.errors import OperatorError

EXAMPLES: Final = (
    "malaria schema warhead > warhead.schema.json",
    "malaria schema campaign > campaign.schema.json",
    "malaria schema summary > summary.schema.json",
    "malaria schema json-lines > lines.schema.json",
)


def _warhead() -> dict[str, Any]:
    from malaria.model.json_schema import written_schema
    from malaria.model.warhead import Warhead

    return written_schema(Warhead, "A warhead of malaria")


def _campaign() -> dict[str, Any]:
    from malaria.campaigns.file_tables import CampaignFile
    from malaria.model.json_schema import written_schema

    return written_schema(CampaignFile, "A campaign of malaria")


def _summary() -> dict[str, Any]:
    from malaria.analysis.summary_figures import summary_schema

    # a summary is not edited: its schema need not be of the draft that editors of TOML read
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **summary_schema()}


def _json_lines() -> dict[str, Any]:
    from malaria.outputs.live.json_lines import json_lines_schema

    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **json_lines_schema()}


SCHEMAS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "warhead": _warhead,
    "campaign": _campaign,
    "summary": _summary,
    "json-lines": _json_lines,
}
"""Name of a file -> how its schema is made."""


def schema_text(name: str) -> str:
    """Make the JSON Schema of a file, as it is printed and shipped."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def schema(
    name: Annotated[str, typer.Argument(metavar="|".join(SCHEMAS), help="The kind of file.", show_default=False)],
) -> int:
    """Print the JSON Schema of a warhead, a campaign, a summary.json, or a line of --json-lines.

    An editor that reads it completes keys and marks mistakes: name it in the first line of a TOML file, as
    '#:schema ./warhead.schema.json'.
    """
    if name not in SCHEMAS:
        raise OperatorError(f"there is no schema {name!r}", f"write one of {', '.join(SCHEMAS)}")
    write_text(schema_text(name))
    return 0


def add_to(app: typer.Typer) -> None:
    app.command("schema", short_help="JSON Schemas of the files", epilog="\n\n".join(EXAMPLES))(schema)
