"""Write the files of a stored run or campaign again, from its records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.errors import RunError
from malaria.outputs.files import write_attack_files, write_campaign_files
from malaria.records.campaign_records import CampaignRecords
from malaria.records.run import Run
from malaria.records.store import open_run


def rewrite_attack(directory: Path, into: Path) -> tuple[Run, Summary]:
    """Write the files of an attack and return its records and summary. Raises RunError, and OSError for the disk."""
    run = open_run(directory)
    summary = summarize(run)
    write_attack_files(run, summary, into)
    return run, summary


def rewrite_campaign(
    campaign: CampaignRecords, directories: Sequence[Path], into: Path, tell: Callable[[str], None]
) -> Summary:
    """Write the files of a campaign from the runs in `directories`, and return its summary.

    `tell` is called with an error for each run that cannot be read; the page then shows that part without figures.
    """
    runs = {}
    for path in directories:
        try:
            run = open_run(path)
            runs[path.name] = (run, summarize(run))
        # one damaged part must not take the page of the others away
        except RunError as error:
            tell(error.message)
    return write_campaign_files(campaign, runs, into)
