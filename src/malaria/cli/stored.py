"""Find the stored run that a command is about."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import RUNS
from malaria.errors import RunError

if TYPE_CHECKING:
    from malaria.records.campaign_records import CampaignRecords
    from malaria.records.run import Run

RunArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN", help="A run: its directory, its name below runs/, or latest (latest).", show_default=False
    ),
]


LATEST: Final = "latest"
"""The name of the newest run."""


def chosen(directory: Path | None, root: Path = RUNS) -> Path:
    """Return the run that was named, or the newest. Raises RunError if it is not there."""
    return named_run(LATEST if directory is None else str(directory), root)


def named_run(name: str, root: Path = RUNS) -> Path:
    """Return the directory of a run: `latest`, a directory, or a name below `root`. Raises RunError."""
    from malaria.outputs.run_directory import holds_run

    for path in (Path(name), root / name):
        if holds_run(path):
            return path
    if name == LATEST:
        return _newest(root)
    # open_run says what is wrong with a directory that is there
    if Path(name).exists():
        return Path(name)
    near = difflib.get_close_matches(Path(name).name, [path.name for path in root.glob("*")], n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise RunError(f"there is no run {name}", f"{meant}malaria runs lists them; latest is the newest")


def _newest(root: Path) -> Path:
    from malaria.outputs.run_directory import holds_run

    runs = [path for path in root.glob("*") if holds_run(path)]
    if not runs:
        raise RunError(f"there is no run below {root}/", "make one (malaria attack ...), or name the directory of one")
    # names sort by time only if they were not chosen with -o
    return max(runs, key=lambda path: path.stat().st_mtime_ns)


def is_campaign(directory: Path) -> bool:
    """Tell whether a directory holds a campaign, not one attack."""
    from malaria.records.campaign_store import holds_campaign
    from malaria.records.store import FILE

    return holds_campaign(directory) and not (directory / FILE).exists()


def campaign_in(directory: Path) -> CampaignRecords:
    """Return the record of a campaign. Raises RunError for a damaged one."""
    from malaria.records.campaign_store import open_campaign

    return open_campaign(directory)


def levels_in(directory: Path) -> list[Path]:
    """Return the run directories of a campaign in order; none for an attack. Raises RunError for a damaged campaign.

    Runs that were cut short and made again are not among them.
    """
    from malaria.records.store import FILE

    if not is_campaign(directory):
        return []
    named = [directory / part.directory for part in campaign_in(directory).parts if part.directory]
    return [path for path in named if (path / FILE).is_file()]


def one_run(directory: Path | None) -> tuple[Path, Run]:
    """Return the directory and the records of one attack. Raises RunError for a campaign, naming its levels."""
    from malaria.records.store import open_run

    path = chosen(directory)
    if levels := levels_in(path):
        raise RunError(f"{path} holds {len(levels)} levels", f"name one of them: {', '.join(map(str, levels))}")
    return path, open_run(path)
