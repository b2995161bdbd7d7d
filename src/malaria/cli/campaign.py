"""The command `malaria campaign`: run a file of levels, end to end, to one page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import RUNS
from malaria.cli.campaign_screen import Showing, Yes, confirm_commands, perform_campaign, prepared, refuse_yes
from malaria.cli.live_outputs import LiveOutputs
from malaria.cli.options import (
    CLIENTS,
    HOW,
    LOAD,
    RESULT,
    TIME,
    Allowed,
    GrafanaUrl,
    JsonFile,
    JsonLinesFile,
    JunitFile,
    Makers,
    NoWait,
    OtlpUrl,
    Overwrite,
    Password,
    PrometheusAddress,
    Quiet,
    Tui,
    option,
    takes,
)
from malaria.cli.result_files import ResultFiles
from malaria.cli.stray_options import Use
from malaria.cli.web_view import WebView
from malaria.errors import CampaignError
from malaria.model.option_table import LoadOptions
from malaria.workers.worker_count import workers_for

if TYPE_CHECKING:
    from malaria.campaigns import CampaignRequest

RESUMED: Final = Use(
    HOW | {"allowed", "resume", "yes"}, "cannot be used with --resume", "a campaign is resumed as it was started"
)
EXAMPLES: Final = (
    "malaria campaign campaigns/500bytes-6s.toml --hold 20s",
    "malaria campaign meters.toml --levels 500,1000 --target mqtts://broker --psk-file malaria.psk",
    "malaria campaign --resume runs/2026-11-27T1030-meters",
)


@dataclass(frozen=True)
class WhichCampaign:
    """Which campaign to run."""

    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A campaign file (TOML): `malaria docs campaign`.", show_default=False),
    ] = None
    resume: Annotated[
        Path | None,
        option(LOAD, "--resume", text="Go on with a campaign that was cut short.", metavar="DIR"),
    ] = None
    yes: Yes = False
    allowed: Allowed = 0


@dataclass(frozen=True)
class CampaignChanges:
    """Options that change the campaign; the names are those of `malaria.campaigns.overrides`."""

    levels: Annotated[
        str | None,
        option(
            LOAD,
            "--levels",
            text="Only levels with these clients or names: 500,level-6.",
            metavar="N,...",
        ),
    ] = None
    target: Annotated[
        str | None,
        option(LOAD, "--target", text="Another broker, which is neither started nor cleaned.", metavar="TARGET"),
    ] = None
    hold: Annotated[
        str | None,
        option(TIME, "--hold", text="Length of every level, its surges in proportion: 20s.", metavar="TIME"),
    ] = None
    repeat: Annotated[
        int | None,
        option(TIME, "--repeat", text="Run every level so many times; says how much the figures scatter.", min=2,
               max=99, metavar="N"),
    ] = None  # fmt: skip
    username: Annotated[
        str | None, option(CLIENTS, "-u", "--username", text="User name for every client, with --target.")
    ] = None
    password: Password = None


@dataclass(frozen=True)
class CampaignOutput(Makers):
    """Options for the makers of the load and for the results."""

    output: Annotated[
        Path | None,
        option(RESULT, "-o", "--output", text="Directory of the campaign (runs/TIME-FILE).", metavar="DIR"),
    ] = None
    overwrite: Overwrite = False
    no_wait: NoWait = False
    json: JsonFile = None
    junit: JunitFile = None
    tui: Tui = False
    prometheus: PrometheusAddress = None
    json_lines: JsonLinesFile = None
    otlp: OtlpUrl = None
    grafana: GrafanaUrl = None
    quiet: Quiet = False

    @property
    def showing(self) -> Showing:
        live = LiveOutputs(self.prometheus, self.json_lines, self.otlp, self.grafana)
        return Showing("malaria campaign", ResultFiles(self.json, self.junit), self.quiet, self.tui, live)


@takes(WhichCampaign, CampaignChanges, CampaignOutput, WebView, load="campaign")
def campaign(
    _: tuple[str, ...],
    which: WhichCampaign,
    changes: CampaignChanges,
    outcome: CampaignOutput,
    view: WebView,
    load: LoadOptions,
) -> int:
    """Run a file of levels, end to end: start the broker clean before each, attack it, and write one page over all.

    The page is written again after every level. Ctrl-C once finishes the level and reports, twice stops now;
    --resume goes on at the level where it stopped.
    """
    with _request(which, _stated(changes, load), outcome) as request:
        showing = replace(outcome.showing, view=view)
        return perform_campaign(prepared(request, outcome.bees, no_wait=outcome.no_wait), showing, which.allowed)


@contextmanager
def _request(
    which: WhichCampaign, options: dict[str, str | None], outcome: CampaignOutput
) -> Iterator[CampaignRequest]:
    """Give the request of a new campaign or of one that is resumed, while its directory is held for it."""
    from malaria.campaigns import new_request, refuse_to_resume, repeat_words, resumed_request
    from malaria.outputs.run_directory import run_directory

    workers = workers_for(outcome.workers)
    more = repeat_words(outcome.bees, no_wait=outcome.no_wait)
    if which.resume is not None:
        _refuse_beside_resume(which, options, outcome)
        request = resumed_request(which.resume, options, workers, more=more)
        refuse_to_resume(request, "campaign")
        confirm_commands(request, yes=which.yes)
        yield request
        return
    if which.file is None:
        raise CampaignError("no campaign is named", "give its file: malaria campaign FILE")
    refuse_yes(yes=which.yes)
    with run_directory(outcome.output, RUNS, which.file.stem, overwrite=outcome.overwrite) as directory:
        yield new_request(which.file, options, directory, workers, more)


def _refuse_beside_resume(which: WhichCampaign, options: dict[str, str | None], outcome: CampaignOutput) -> None:
    from malaria.campaigns.overrides import SECRETS, flag

    # secrets may be given again: they are stored nowhere
    if stray := next((flag(name) for name in options if name not in SECRETS), None):
        raise CampaignError(f"{stray} {RESUMED.problem}", RESUMED.remedy)
    RESUMED.refuse_others(which, outcome)


def _stated(changes: CampaignChanges, load: LoadOptions) -> dict[str, str | None]:
    """Return the options that were given, as texts. A switch that is off is not among them."""
    values = asdict(changes) | dict(load)
    given = {name: value for name, value in values.items() if value is not None and value is not False}
    # no header holds a line break, so the texts can be told apart again
    lists = {name: "\n".join(value) for name, value in given.items() if isinstance(value, tuple)}
    return {name: None if value is True else str(value) for name, value in (given | lists).items()}


def add_to(app: typer.Typer) -> None:
    app.command("campaign", short_help="run a file of levels, end to end, to one page", epilog="\n\n".join(EXAMPLES))(
        campaign
    )
