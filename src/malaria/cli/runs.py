"""The command `malaria runs`: list the stored runs, or remove some."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import RUNS
from malaria.cli.output import console, print_line
from malaria.cli.result_files import write_json
from malaria.cli.stored import named_run
from malaria.errors import RunError

if TYPE_CHECKING:
    from rich.text import Text

    from malaria.records.store import RunEntry

EXAMPLES: Final = (
    "malaria runs",
    "malaria runs --title meters",
    "malaria runs /srv/load-tests --json -",
    "malaria runs rm latest",
    "malaria runs rm 2026-11-22T1751-meters --yes",
)
REMOVE: Final = "rm"
UNKNOWN: Final = "—"
HEADS: Final = ("load", "verdict", "ack p99", "lost")
WIDTHS: Final = (26, 8, 10, 8)
"""Columns after the name. The last two hold figures and are aligned to the right."""
LEAST_NAME_WIDTH: Final = 20
WORDS: Final = 2
"""Columns of words, which are aligned to the left."""
STYLES: Final = {"PASS": "green", "FAIL": "red", "INVALID": "yellow", "UNKNOWN": "yellow"}


def runs(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DIR | rm RUN...]", help="Where to look (runs), or runs to remove.", show_default=False
        ),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the list as JSON; - is stdout.", show_default=False),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option(
            "--title", metavar="TEXT", help="Only runs whose title contains this, in any case.", show_default=False
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With rm: do not ask.", show_default=False)] = False,
) -> int:
    """List the stored runs and campaigns, the newest last; or remove runs: `malaria runs rm RUN...`.

    RUN is a directory, a name in this list, or `latest`. Only what malaria has written is removed.
    """
    first, *rest = words or [str(RUNS)]
    if first == REMOVE:
        if title is not None:
            raise RunError("--title filters the list, and is not for rm", "name the runs: malaria runs rm RUN...")
        if json is not None:
            raise RunError("--json writes the list, and is not for rm", "leave it out")
        return _remove(rest, yes=yes)
    if yes:
        raise RunError("--yes is for rm: the list asks nothing", "leave it out")
    if rest:
        raise RunError(f"{rest[0]}: a word too many", "name one directory, or write: malaria runs rm RUN...")
    if words and not Path(first).is_dir():
        raise RunError(f"there is no directory {first}", "name the one that holds runs; malaria writes to runs/")
    return _list(Path(first), json, title)


def _remove(names: Sequence[str], *, yes: bool) -> int:
    from malaria.outputs.run_directory import removed_run

    if not names:
        raise RunError("no run is named", "name those to remove: malaria runs rm RUN..., such as latest")
    # every name first: a wrong one must remove nothing
    directories = [named_run(name) for name in names]
    if not yes:
        listed = ", ".join(map(str, directories))
        if not sys.stdin.isatty():
            raise RunError(f"{listed} would be removed", "add --yes, there is no terminal to ask at")
        typer.confirm(f"Remove {listed}?", abort=True, err=True)
    for directory in directories:
        kept = removed_run(directory)
        print_line(f"removed {directory}" + (", but for other files in it" if kept else ""))
    return 0


def _list(root: Path, json: str | None, title: str | None) -> int:
    entries = _entries(root, title or "")
    screen = console(json)
    # an empty list is valid JSON, so it comes before the sentence for people
    if json is not None:
        write_json([asdict(entry) | {"directory": str(entry.directory)} for entry in entries], json)
    elif entries:
        # a pipe gets whole names
        for line in _table(entries, root, screen.width if screen.is_terminal else None):
            screen.print(line, highlight=False, soft_wrap=True)
    else:
        titled = f" has {title!r} in its title" if title else ""
        screen.print(f"no run below {root}{titled}", highlight=False, markup=False)
    return 0


def _entries(root: Path, title: str) -> list[RunEntry]:
    """Return the runs and campaigns whose title contains a text, the newest last."""
    from malaria.records.campaign_store import list_campaigns
    from malaria.records.store import list_runs

    found = [*list_campaigns(root), *list_runs(root)]
    named = [entry for entry in found if title.casefold() in (entry.title or "").casefold()]
    return sorted(named, key=lambda entry: (entry.started or "", entry.directory))


def _table(entries: Sequence[RunEntry], root: Path, width: int | None) -> list[Text]:
    """Return a line for each run. On a terminal a long name is cut in the middle, so that each run is one line."""
    from rich.text import Text

    names = [_name(entry, root) for entry in entries]
    longest = max(map(len, names)) + 2
    room = longest if width is None else max(min(longest, width - sum(WIDTHS)), LEAST_NAME_WIDTH)
    lines = [Text(_row("run", HEADS, room), style="dim")]
    for name, entry in zip(names, entries, strict=True):
        outcome = entry.outcome or UNKNOWN
        line = Text(_row(_cut(name, room - 2), (_load(entry), outcome, _p99(entry), _count(entry.lost)), room))
        start = room + WIDTHS[0]
        line.stylize(STYLES.get(outcome, "dim"), start, start + len(outcome))
        lines.append(line)
    return lines


def _name(entry: RunEntry, root: Path) -> str:
    from malaria.printable import printable

    directory = entry.directory
    name = str(directory.relative_to(root)) if directory.is_relative_to(root) else str(directory)
    # the title of a run that -o put elsewhere is not in its name
    title = "" if not entry.title or _slug(entry.title) in name else f" · {entry.title}"
    return printable(f"{name}{title}")


def _slug(title: str) -> str:
    from malaria.outputs.run_directory import slug

    return slug(title)


def _row(name: str, cells: Sequence[str], room: int) -> str:
    pairs = list(zip(cells, WIDTHS, strict=True))
    words = "".join(f"{cell[: width - 1]:<{width}}" for cell, width in pairs[:WORDS])
    figures = "".join(f"{cell:>{width}}" for cell, width in pairs[WORDS:])
    return f"{name:<{room}}{words}{figures}".rstrip()


def _cut(name: str, width: int) -> str:
    """Cut a name in its middle: its begin has the time, its end the level."""
    if len(name) <= width:
        return name
    end = width // 2
    return f"{name[: width - end - 1]}…{name[-end:]}"


def _load(entry: RunEntry) -> str:
    from malaria.units import format_rate, format_things

    clients = [format_things(entry.clients, "client")] if entry.clients is not None else []
    return " ".join([*clients, *([format_rate(entry.per_s)] if entry.per_s is not None else [])]) or UNKNOWN


def _p99(entry: RunEntry) -> str:
    from malaria.units import format_ms

    return UNKNOWN if entry.ack_p99_ms is None else format_ms(entry.ack_p99_ms)


def _count(value: float | None) -> str:
    from malaria.units import format_count

    return UNKNOWN if value is None else format_count(value)


def add_to(app: typer.Typer) -> None:
    app.command("runs", short_help="list the stored runs, or remove some", epilog="\n\n".join(EXAMPLES))(runs)
