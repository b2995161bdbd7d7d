"""Finding the run that a command is about, among those that are stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import RUNS
from malaria.errors import RunError

if TYPE_CHECKING:
    from malaria.records.rows import CampaignRecords
    from malaria.records.run import Run

RUN_FILE: Final = "run.db"
CAMPAIGN_FILE: Final = "campaign.json"

RunArgument = Annotated[
    Path | None,
    typer.Argument(metavar="RUN", help="The run's directory; without it the newest below runs/.", show_default=False),
]


def chosen(directory: Path | None, root: Path = RUNS) -> Path:
    """The directory that was named, or the newest run. Raises RunError when there is none."""
    if directory is not None:
        return directory
    runs = [path for path in root.glob("*") if (path / RUN_FILE).is_file() or is_campaign(path)]
    if not runs:
        raise RunError(f"there is no run below {root}/", "make one (malaria attack ...), or name the directory of one")
    return max(runs, key=lambda path: path.stat().st_mtime_ns)


def is_campaign(directory: Path) -> bool:
    return not (directory / RUN_FILE).exists() and ((directory / CAMPAIGN_FILE).is_file() or bool(_runs_in(directory)))


def levels_in(directory: Path) -> list[Path]:
    """The runs of a campaign, which has no records of its own: in order, empty for an attack.

    What was cut short and run anew is not among them. Raises RunError for a damaged campaign.
    """
    if (directory / RUN_FILE).exists():
        return []
    if not (directory / CAMPAIGN_FILE).is_file():
        return _runs_in(directory)
    named = [directory / part.directory for part in campaign_in(directory).parts if part.directory]
    return [path for path in named if (path / RUN_FILE).is_file()]


def _runs_in(directory: Path) -> list[Path]:
    """Whatever runs lie there: a demo of before had no word of its own."""
    return sorted(
        (path.parent for path in directory.glob(f"*/{RUN_FILE}")), key=lambda path: (len(path.name), path.name)
    )


def campaign_in(directory: Path) -> CampaignRecords:
    """What a campaign says of itself, or what its levels show, where there is no word of its own."""
    from malaria.records.rows import CampaignPart, CampaignRecords, PartState

    if (directory / CAMPAIGN_FILE).is_file():
        from malaria.records.campaign_store import open_campaign

        return open_campaign(directory)
    parts = [
        CampaignPart(number, level.name, "", 0, directory=level.name, state=PartState.DONE)
        for number, level in enumerate(_runs_in(directory), 1)
    ]
    return CampaignRecords(directory.name, "", "", "", "", {}, tuple(parts))


def one_run(directory: Path | None) -> tuple[Path, Run]:
    """The records of one attack. Raises RunError for a campaign, naming its levels."""
    from malaria.records.store import open_run

    path = chosen(directory)
    if levels := levels_in(path):
        raise RunError(f"{path} holds {len(levels)} levels", f"name one of them: {', '.join(map(str, levels))}")
    return path, open_run(path)
