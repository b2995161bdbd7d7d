"""The command `malaria compare`: set two stored results side by side, or run two sides alternately and decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import write_json
from malaria.cli.output import console
from malaria.errors import RunError

if TYPE_CHECKING:
    from malaria.analysis.compare.side_by_side import SideBySide

EXAMPLES: Final = ("malaria compare runs/2026-11-22T1751-meters runs/2026-11-23T0912-meters",)
CONDITIONS_SHOWN: Final = 6


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run, a campaign or a search.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one of the same kind.", show_default=False)],
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare what was not measured alike; it says what differs.")
    ] = False,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the comparison as JSON; - is stdout.", show_default=False),
    ] = None,
) -> int:
    """Compare two runs, campaigns or searches."""
    from malaria.report.terminal.side_by_side_table import print_side_by_side

    compared = _compared(a, b, anyway=anyway)
    print_side_by_side(compared, console(json))
    write_json(compared.as_json(), json)
    return 0


def _compared(a: Path, b: Path, *, anyway: bool) -> SideBySide:
    from malaria.analysis.compare.side_by_side import compare_results
    from malaria.outputs.stored_results import check_same_kind, stored_result

    of_a, of_b = stored_result(a), stored_result(b)
    check_same_kind(of_a, of_b)
    compared = compare_results(of_a, of_b)
    changed = compared.changed_conditions
    if changed and not anyway:
        lines = [f"  {line}" for line in changed[:CONDITIONS_SHOWN]]
        if len(changed) > CONDITIONS_SHOWN:
            lines.append(f"  and {len(changed) - CONDITIONS_SHOWN} more")
        text = "\n".join([f"{a} and {b} were not measured alike:", *lines])
        raise RunError(text, "measure both alike, or add --anyway: it compares them, and says what differs")
    return compared


def add_to(app: typer.Typer) -> None:
    app.command("compare", short_help="compare two runs, or run two sides alternately", epilog="\n\n".join(EXAMPLES))(
        compare
    )
