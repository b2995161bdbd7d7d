"""The attacks of a campaign so far, with their verdicts, as its directory has them: read again when it has changed."""

from __future__ import annotations

from pathlib import Path

from malaria.analysis.campaign_headline import part_name
from malaria.errors import RunError
from malaria.outputs.files import PAGE
from malaria.records.campaign_records import CampaignPart, PartState
from malaria.records.campaign_store import FILE, open_campaign
from malaria.records.store import StoredVerdict, stored_summary
from malaria.units import format_count, format_ms
from malaria.web.http_models import CampaignView, LevelState


class LevelList:
    """The list of a campaign's attacks. Reads a file of the campaign only when it was written anew."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stamp: tuple[int, int] | None = None
        self._view: CampaignView | None = None
        self._verdicts: dict[str, StoredVerdict] = {}

    def view(self) -> CampaignView | None:
        """Return the list; None as long as the campaign has not begun."""
        stamp = self._newest()
        if stamp is not None and stamp != self._stamp:
            try:
                self._view = self._read()
                self._stamp = stamp
            except RunError:  # it is written by the thread of the campaign: the next look gets it
                return self._view
        return self._view

    def _newest(self) -> tuple[int, int] | None:
        try:
            written_ns = (self._directory / FILE).stat().st_mtime_ns
        except OSError:
            return None
        page = self._directory / PAGE
        return written_ns, page.stat().st_mtime_ns if page.exists() else 0

    def _read(self) -> CampaignView:
        records = open_campaign(self._directory)
        levels = tuple(self._level(part) for part in records.parts)
        return CampaignView(
            title=records.title,
            is_search=records.search is not None,
            levels=levels,
            has_page=(self._directory / PAGE).exists(),
        )

    def _level(self, part: CampaignPart) -> LevelState:
        verdict = self._verdict(part)
        return LevelState(
            name=part_name(part),
            state=part.state,
            clients=part.clients,
            outcome=verdict.outcome or "",
            figures=_figures(verdict),
            why=part.why,
        )

    def _verdict(self, part: CampaignPart) -> StoredVerdict:
        if part.directory is None or part.state is PartState.RUNNING:
            return StoredVerdict()
        if part.directory not in self._verdicts:
            self._verdicts[part.directory] = stored_summary(self._directory / part.directory)
        return self._verdicts[part.directory]


def _figures(verdict: StoredVerdict) -> str:
    """Return `ack p99 12 ms, 0 lost`; empty where nothing is known."""
    p99, lost = verdict.figures.get("ack_p99_ms"), verdict.figures.get("lost")
    parts = [] if p99 is None else [f"ack p99 {format_ms(p99)}"]
    return ", ".join([*parts, *([] if lost is None else [f"{format_count(lost)} lost"])])
