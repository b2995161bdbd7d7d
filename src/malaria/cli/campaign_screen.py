"""Show a campaign while it runs, and its verdict at the end: shared by `campaign` and `demo`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import NO_VIEW, exit_code, launcher_of, say_in_a_line, say_page
from malaria.cli.full_screens import full_screen_of
from malaria.cli.live_outputs import LiveOutputs
from malaria.cli.options import LOAD, option
from malaria.cli.output import console, finishing_without_reader, keeping_time, note_verdict, print_line
from malaria.cli.result_files import ResultFiles
from malaria.cli.web_view import LiveWeb, WebView
from malaria.errors import CampaignError
from malaria.model.option_table import LoadOptions
from malaria.swarm.run.chosen_bees import ChosenBees, conducting

if TYPE_CHECKING:
    from rich.console import Console

    from malaria.attacks.followers import Follower
    from malaria.attacks.interrupt import Interrupt
    from malaria.campaigns import CampaignRequest, PartPlace
    from malaria.records.campaign_records import CampaignPart
    from malaria.records.rows import Progress
    from malaria.report.terminal.live_view import LiveView
KEY: Final = "psk"
CTRL_C: Final = "Ctrl-C: end this level and report, --resume goes on with it; twice: stop at once"
Yes = Annotated[
    bool, option(LOAD, "--yes", text="With --resume: run the commands of a directory that came from elsewhere.")
]


def secrets_again(password: str | None, load: LoadOptions) -> dict[str, str | None]:
    """Return the secrets for a load that goes on, which are stored nowhere: name of the option -> text."""
    return {name: text for name, text in (("password", password), (KEY, load.get(KEY))) if text is not None}


def without_key(load: LoadOptions) -> LoadOptions:
    """Return the load options but for the pre-shared key: the environment may hold it where nothing needs it."""
    return LoadOptions(**{name: value for name, value in load.items() if name != KEY})


def refuse_yes(*, yes: bool) -> None:
    """Raise CampaignError for --yes of a campaign that begins: it asks nothing."""
    if yes:
        raise CampaignError("--yes can be used only with --resume", "leave it out: nothing is asked")


def confirm_commands(request: CampaignRequest, *, yes: bool) -> None:
    """Ask before a resumed campaign that came from elsewhere runs commands. Raises CampaignError without a terminal."""
    from malaria.campaigns import foreign_commands

    commands = foreign_commands(request)
    if not commands or yes:
        return
    text = f"{request.directory} was not made by this user on this host, or its file was changed. It would run:"
    listed = "\n".join(f"  {command}" for command in commands)
    if not sys.stdin.isatty():
        raise CampaignError(f"{text}\n{listed}", "if you trust all of it, add --yes")
    print_line(f"{text}\n{listed}", error=True)
    typer.confirm("Run it?", abort=True, err=True)


@dataclass(frozen=True, slots=True)
class Showing:
    """The title of a campaign on the screen, the files that were asked for, and the programs that follow it."""

    title: str
    files: ResultFiles
    quiet: bool
    tui: bool = False
    live: LiveOutputs = field(default_factory=LiveOutputs)
    view: WebView = NO_VIEW


def prepared(request: CampaignRequest, bees: ChosenBees, *, no_wait: bool) -> CampaignRequest:
    """Return the request with its load on these bees. One that is resumed may go on with others, or on this machine."""
    return request.on_bees(bees, launcher_of(bees), no_wait=no_wait)


def perform_campaign(request: CampaignRequest, showing: Showing, confirmations: int = 0) -> int:
    """Run the campaign on the screen. Return the exit code of its verdict.

    Raises TargetError for a public broker that was not confirmed twice.
    """
    from malaria.campaigns import refuse_public_brokers

    refuse_public_brokers(request.campaign, confirmations)
    showing.files.check()
    showing.live.check(showing.files.json)
    screen = console(showing.live.screen(showing.files.json))
    listener = CampaignFullScreen(showing, screen) if showing.tui else CampaignScreen(showing, screen)
    tell = listener.tell if showing.tui else None
    with showing.view.serving(showing.title, request.directory, campaign=True, tell=tell) as web:
        if isinstance(listener, CampaignScreen):
            listener.note = web.note
        return _run_and_show(request, showing, listener, web)


def _run_and_show(
    request: CampaignRequest, showing: Showing, listener: CampaignScreen | CampaignFullScreen, web: LiveWeb
) -> int:
    from malaria.attacks.interrupt import interruptible, settled
    from malaria.campaigns import conduct_campaign, resume_command
    from malaria.outputs.files import PAGE
    from malaria.report.terminal.campaign_summary import print_campaign

    screen = listener.console
    with interruptible() as interrupt, finishing_without_reader(interrupt):
        with (
            showing.live.following(request.directory) as followers,
            conducting(request.launcher),
            keeping_time(),
            listener.under(interrupt) as view,
        ):
            if following := (*web.followers, *listener.followers, *followers):
                request = replace(request, followers=(*request.followers, *following))
            outcome = conduct_campaign(request, web.listening(view), interrupt)
        note_verdict(exit_code(outcome.summary))
        with settled(interrupt):
            if not showing.quiet:
                print_campaign(outcome.summary, screen)
                say_page(outcome.directory, screen)
            else:
                say_in_a_line(outcome.summary, outcome.directory)
            if outcome.interrupted:
                print_line(f"  resume     {resume_command(request.command, outcome.directory)}", error=True)
            judged = [(name, run, figures) for name, (run, figures) in outcome.runs.items()]
            showing.files.keep(outcome.summary, judged, outcome.directory)
        web.hand_over(outcome.directory / PAGE)
    return exit_code(outcome.summary)


class CampaignScreen:
    """A live view for each part, which ends when the next one begins; between them plain lines."""

    followers: tuple[Follower, ...] = ()

    def __init__(self, showing: Showing, console: Console) -> None:
        self._showing = showing
        self.console = console
        self.note = ""
        self._views = ExitStack()

    def under(self, _: Interrupt) -> CampaignScreen:
        return self

    def __enter__(self) -> CampaignScreen:
        return self

    def __exit__(self, *_: object) -> None:
        self._views.close()

    def begin(self, part: CampaignPart, place: PartPlace, load: str) -> Callable[[Progress], None]:
        from malaria.report.terminal.live_view import LiveView

        self._views.close()
        # what is under way, and its place, on every screen
        title = f"{self._showing.title} · {_place_text(part, place)}"
        self._print(f"{title}: {part.clean_reason}" if part.clean_reason else title)
        view = self._views.enter_context(LiveView(title, load, self.console, self._showing.quiet, CTRL_C))
        view.note = self.note
        return view.update

    def tell(self, text: str) -> None:
        self._views.close()
        self._print(text)

    def _print(self, text: str) -> None:
        from malaria.printable import printable

        if not self._showing.quiet:
            self.console.print(printable(text), highlight=False, markup=False, soft_wrap=True)


class CampaignFullScreen:
    """Shows a campaign on one full screen, from the first level to the last."""

    def __init__(self, showing: Showing, console: Console) -> None:
        self._showing, self.console = showing, console
        self._level = ("", "")
        self._full = full_screen_of(showing.title, self._plain, quiet=showing.quiet, json_lines=showing.live.json_lines)
        self.followers: tuple[Follower, ...] = (self._full.watch,)

    def under(self, interrupt: Interrupt) -> CampaignFullScreen:
        """Let the key `q` know how often the end was asked for."""
        self._full.under(interrupt)
        return self

    def __enter__(self) -> CampaignFullScreen:
        return self

    def __exit__(self, *details: object) -> None:
        self._full.__exit__(*details)

    def begin(self, part: CampaignPart, place: PartPlace, load: str) -> Callable[[Progress], None]:
        where = _place_text(part, place)
        self._level = (f"{self._showing.title} · {where}", load)
        self._full.next_attack(f"{self._showing.title} · {load}", where)
        return self._full.update

    def tell(self, text: str) -> None:
        self._full.watch.tell(text)

    def _plain(self) -> LiveView:
        """Make the view of the level under way that takes over if the screen fails."""
        from malaria.report.terminal.live_view import LiveView

        return LiveView(*self._level, self.console, hint=CTRL_C)


def _place_text(part: CampaignPart, place: PartPlace) -> str:
    """Return `level 3 of 16, about 12 min left · 3,000 clients`."""
    from malaria.analysis.campaign_headline import part_name

    number = ", ".join(filter(None, (_number(place), _time_left(place.left_s))))
    return f"{number} · {part_name(part)}"


def _number(place: PartPlace) -> str:
    """Return `level 3 of 16`, or `trial 3` where the end is open."""
    if not place.of:
        return f"trial {place.number}"
    # a comparison runs pairs again that were no evidence
    return f"level {place.number} of {place.of}" if place.number <= place.of else f"level {place.number}, a spare one"


def _time_left(left_s: float | None) -> str:
    """Return `about 41 min left`; empty if it is unknown."""
    if left_s is None:
        return ""
    # more digits would promise more than an estimate holds
    return f"about {max(1, round(left_s / 60))} min left" if left_s >= 60 else f"about {max(1, round(left_s))} s left"
