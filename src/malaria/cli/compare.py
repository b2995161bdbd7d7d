"""The command `malaria compare`: set two stored results side by side, or run two sides alternately and decide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import RUNS, say_page
from malaria.cli.output import console
from malaria.cli.result_files import write_json
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
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Where to write the page (runs/TIME-compare).", show_default=False
        ),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the comparison as JSON; - is stdout.", show_default=False),
    ] = None,
) -> int:
    """Compare two runs, campaigns or searches: every figure side by side, changed verdicts on top."""
    from malaria.outputs.files import write_side_by_side_files
    from malaria.report.terminal.side_by_side_table import print_side_by_side

    compared = _compared(a, b, anyway=anyway)
    screen = console(json)
    with _page_directory(output) as directory:
        print_side_by_side(compared, screen)
        write_side_by_side_files(compared, directory)
        say_page(directory, screen)
    write_json(compared.as_json(), json)
    return 0


@contextmanager
def _page_directory(stated: Path | None) -> Iterator[Path]:
    """Give the directory of the page: the stated one, or a new one below runs/."""
    from malaria.outputs.run_directory import new_directory

    if stated is None:
        with new_directory(RUNS, "compare", datetime.now()) as directory:
            yield directory
    else:
        stated.mkdir(parents=True, exist_ok=True)
        yield stated


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
