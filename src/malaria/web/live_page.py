"""The page of a run that goes on: made of the parts of the report's page, with the run so far inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.report.page.page_data import PageData
from malaria.report.page.page_document import OwnParts, render_document
from malaria.report.page.page_elements import ChartPlace
from malaria.web.http_models import RunView

PARTS: Final = OwnParts(
    "malaria.web", ("assets/live.css",), ("assets/live.js", "assets/live_parts.js", "assets/steer.js"), connects=True
)
CHART: Final = ChartPlace("live-chart", 600, "Charts of the run so far; their latest figures are in the text above")
FIRST_VIEW: Final = "view"


@dataclass(frozen=True, slots=True)
class PageLook:
    """The look of a page. `embedded`: charts alone, for a frame of another page; `steers`: with buttons; `has_levels`:
    with those of a campaign.
    """

    embedded: bool
    steers: bool
    has_levels: bool
    view_token: str


@dataclass(frozen=True, slots=True)
class LivePage:
    """The values of the template live_page.html."""

    title: str
    subtitle: str
    look: PageLook
    chart: ChartPlace
    embed_path: str
    environment: None = None


def render_live_page(title: str, view: RunView, look: PageLook) -> str:
    """Return the page with all that a view has; its scripts ask for what comes after that."""
    facts = view.facts
    page = LivePage(
        title=title,
        subtitle="" if facts is None else " · ".join(filter(None, (facts.target, facts.load))),
        look=look,
        chart=CHART,
        embed_path=f"/?embed=1&view={look.view_token}",
    )
    return render_document("live_page.html", page, PageData(files={FIRST_VIEW: view.model_dump_json()}), PARTS)
