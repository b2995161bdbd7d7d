"""`--web`: serve the live page of a run while its command works. Without it nothing here imports a server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from malaria.cli.options import RESULT, option
from malaria.cli.output import print_line
from malaria.errors import OperatorError
from malaria.units import format_things

if TYPE_CHECKING:
    from malaria.attacks.followers import Follower
    from malaria.campaigns import CampaignListener, PartPlace
    from malaria.observe.watching import ObservedRow
    from malaria.outputs.prometheus_export import MetricsPage
    from malaria.records.campaign_records import CampaignPart
    from malaria.records.rows import Progress
    from malaria.report.terminal.latest_readings import LatestReadings
    from malaria.web.live_feed import LiveFeed
    from malaria.web.web_server import WebServer

type OnRows = Callable[[int, list[ObservedRow]], None]
FLAG: Final = "--web"
AUTOMATIC: Final = "auto"
TOKEN_ABOVE: Final = "(token: first line)"
_ADDRESS: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9]+(\.[0-9]+){3})?:?[0-9]{1,5}")
"""What is taken for the address of --web: everything else is the next argument, such as the target."""


@dataclass(frozen=True)
class WebView:
    """The live page of a run."""

    web: Annotated[
        str | None,
        option(
            RESULT,
            FLAG,
            text="Show the run live in a browser, with buttons that change the load; at 127.0.0.1:7654 (a free port "
            "if that is taken) or [ADDR]:PORT. Prints the page's address once.",
            metavar="[ADDR:PORT]",
        ),
    ] = None
    web_readonly: Annotated[
        bool, option(RESULT, "--web-readonly", text="With --web: show the run, and let nobody change it there.")
    ] = False

    @contextmanager
    def serving(
        self, title: str, root: Path, *, campaign: bool = False, tell: Callable[[str], None] | None = None
    ) -> Iterator[LiveWeb]:
        """Serve the attacks that are stored in or below `root` while the block runs, if that is asked for.

        `tell` shows the address of the page on a full screen, which hides what is printed; None: it is printed.
        Raises OperatorError for an address that cannot be used.
        """
        if not self._is_wanted():
            yield LiveWeb()
            return
        from malaria.outputs.live.live_figures import LiveFigures
        from malaria.outputs.live.prometheus_metrics import attack_page
        from malaria.web.live_feed import LiveFeed

        with closing(LiveFigures(root)) as figures:
            feed = LiveFeed(title, root if campaign else None)
            with self._served(feed, attack_page(figures), tell) as server:
                yield LiveWeb(server, (feed, figures))

    @contextmanager
    def watching(self, title: str, latest: LatestReadings) -> Iterator[LiveWeb]:
        """Serve a watch while the block runs, if that is asked for. Raises as `serving` does."""
        if not self._is_wanted():
            yield LiveWeb()
            return
        from malaria.outputs.prometheus_export import MetricsPage, ReadingsCollector
        from malaria.web.live_feed import LiveFeed

        page = MetricsPage(ReadingsCollector(lambda: latest))
        with self._served(LiveFeed(title, watches=True), page) as server:
            yield LiveWeb(server)

    def _is_wanted(self) -> bool:
        """Return True if a page is asked for. Raises OperatorError where it cannot be had."""
        if self.web is None:
            if self.web_readonly:
                raise OperatorError("--web-readonly says how --web is served", "give --web as well")
            return False
        from malaria.extras import WEB_REMEDY, need_extra

        for module in ("starlette", "uvicorn"):
            need_extra(module, WEB_REMEDY)
        return True

    @contextmanager
    def _served(
        self, feed: LiveFeed, metrics: MetricsPage, tell: Callable[[str], None] | None = None
    ) -> Iterator[WebServer]:
        from malaria.web.web_app import WebOptions
        from malaria.web.web_server import serving_web

        with serving_web(self.web or "", feed, WebOptions(self.web_readonly, metrics)) as server:
            (tell or _say)(f"live page  {server.url}")
            yield server


@dataclass(frozen=True, slots=True)
class LiveWeb:
    """The server of a command; None if there is none."""

    server: WebServer | None = None
    followers: tuple[Follower, ...] = ()

    @property
    def feed(self) -> LiveFeed | None:
        return None if self.server is None else self.server.feed

    @property
    def note(self) -> str:
        """The address of the page for a place that stays in view. It has no token: others may look on."""
        return "" if self.server is None else f"live page  {self.server.place}  {TOKEN_ABOVE}"

    def listening(self, screen: CampaignListener) -> CampaignListener:
        """Return a listener that shows a campaign on the screen and on the page."""
        return screen if self.feed is None else _HeardScreen(screen, self.feed)

    def watching(self, show: OnRows) -> OnRows:
        """Return what shows the rows of a watch on the screen and on the page."""
        feed = self.feed
        if feed is None:
            return show

        def both(at_ns: int, rows: list[ObservedRow]) -> None:
            feed.observed(at_ns, rows)
            show(at_ns, rows)

        return both

    def hand_over(self, report: Path) -> None:
        """Lead open pages to the report, if it could be written. Ctrl-C ends the wait for them."""
        if self.server is None or not report.is_file():
            return
        with suppress(KeyboardInterrupt):
            self.server.hand_over(report, _say_wait)


def _say(text: str) -> None:
    print_line(text, error=True)


def _say_wait(pages: int) -> None:
    _say(f"the live page becomes the report: waiting up to 5 s for {format_things(pages, 'browser')}")


class _HeardScreen:
    """A screen whose lines the page shows as well."""

    def __init__(self, screen: CampaignListener, feed: LiveFeed) -> None:
        self._screen = screen
        self._feed = feed

    def begin(self, part: CampaignPart, place: PartPlace, load: str) -> Callable[[Progress], None]:
        return self._screen.begin(part, place, load)

    def tell(self, text: str) -> None:
        self._feed.tell(text)
        self._screen.tell(text)


def with_web_address(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with a value for a --web that has none: typer knows no option whose value may be absent."""
    stated = list(arguments)
    for place, argument in enumerate(stated):
        if argument == "--":
            break
        after = stated[place + 1] if place + 1 < len(stated) else ""
        if argument == FLAG and not _ADDRESS.fullmatch(after):
            stated[place] = f"{FLAG}={AUTOMATIC}"
    return stated
