"""The command `malaria compare`: set two stored results side by side, or run two sides alternately and decide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import RUNS, command_line, say_page
from malaria.cli.campaign_screen import (
    Showing,
    Yes,
    confirm_commands,
    perform_campaign,
    prepared,
    refuse_yes,
    secrets_again,
    without_key,
)
from malaria.cli.options import CLIENTS, HOW, LOAD, TIME, Allowed, FromFile, Password, Result, option, takes
from malaria.cli.output import console
from malaria.cli.result_files import write_json
from malaria.cli.stored import named_run
from malaria.cli.stray_options import Use
from malaria.errors import CampaignError, RunError
from malaria.model.option_table import OPTIONS, LoadOptions
from malaria.workers.worker_count import workers_for

if TYPE_CHECKING:
    from malaria.campaigns import CampaignRequest, CompareOptions
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria compare runs/2026-11-22T1751-meters runs/2026-11-23T0912-meters",
    "malaria compare --ab old-broker:1883 new-broker:1883 -c 500 -I 1s -n 12",
    "malaria compare --ab mosquitto.conf with-persistence.conf -c 200 -I 100ms --fail-if-worse 5%",
    "malaria compare --ab small.toml large.toml --target mosquitto",
)
TITLE: Final = "malaria compare"
SIDE_BY_SIDE: Final = Use(
    ("a", "b", "anyway", "output", "json", "quiet"),
    "is for --ab: two stored results are not run again",
    "add --ab, or leave it out",
)
ALTERNATED: Final = Use(("a", "b", "username", "allowed"), "is for two stored results", "leave it or --ab out")
RESUMED: Final = Use(
    HOW | {"a", "b", "allowed", "ab", "pairs", "resume", "yes"},
    "cannot be used with --resume",
    "a comparison goes on as it was started; -n adds pairs",
)


@dataclass(frozen=True)
class ComparedThings:
    """The two things that are compared, and the login."""

    a: Annotated[
        str | None,
        typer.Argument(
            metavar="A",
            help="A run, a campaign or a search: its directory, its name below runs/, or latest; with --ab a target, "
            "a broker or a warhead.",
            show_default=False,
        ),
    ] = None
    b: Annotated[
        str | None, typer.Argument(metavar="B", help="What A is compared with, of the same kind.", show_default=False)
    ] = None
    anyway: Annotated[
        bool, option(LOAD, "--anyway", text="Compare runs that were not measured alike, and say what differs.")
    ] = False
    username: Annotated[
        str | None, option(CLIENTS, "-u", "--username", text="With --ab: user name for every client.")
    ] = None
    password: Password = None
    allowed: Allowed = 0


@dataclass(frozen=True)
class Alternation:
    """Options of a comparison that runs both sides."""

    ab: Annotated[
        bool,
        option(
            LOAD,
            "--ab",
            text="Run A and B alternately (A B B A ...), each with the same load. A side is an address, the word "
            "mosquitto or embedded, a .conf of mosquitto, a .toml with the table broker or target, or a warhead.",
        ),
    ] = False
    pairs: Annotated[int | None, option(LOAD, "-n", "--pairs", text="With --ab: number of pairs (8).", min=1,
                                        metavar="N")] = None  # fmt: skip
    band: Annotated[
        str | None, option(LOAD, "--band", text="With --ab: the difference that counts (5%).", metavar="SHARE")
    ] = None
    fail_if_worse: Annotated[
        str | None,
        option(LOAD, "--fail-if-worse", text="FAIL (exit code 1) if B is worse than A by at least this: 5%.",
               metavar="SHARE"),
    ] = None  # fmt: skip
    target: Annotated[
        str | None, option(LOAD, "--target", text="With --ab and two warheads: their target or broker.",
                           metavar="TARGET")
    ] = None  # fmt: skip
    hold: Annotated[
        str | None, option(TIME, "--hold", text="With --ab: how long each run measures (10s).", metavar="TIME")
    ] = None
    resume: Annotated[
        Path | None,
        option(LOAD, "--resume", text="Go on with a comparison; with a larger -n, with more pairs.", metavar="DIR"),
    ] = None
    yes: Yes = False


@takes(ComparedThings, Alternation, FromFile, Result, load="compare")
def compare(
    arguments: tuple[str, ...],
    things: ComparedThings,
    alternation: Alternation,
    file: FromFile,
    result: Result,
    load: LoadOptions,
) -> int:
    """Compare two stored results side by side; or with --ab run two sides alternately, and decide.

    Side by side: every figure, changed verdicts on top. Two single runs prove no difference; --ab does: it says of each
    figure that B is worse by at least the band, that both are the same within the band, or undecided and how many pairs
    more would decide. The first figure is the broker's CPU per message. docs/compare.md says what the answers mean.
    """
    if alternation.resume is None:
        refuse_yes(yes=alternation.yes)
    if not alternation.ab and alternation.resume is None:
        SIDE_BY_SIDE.refuse_others(things, alternation, file, result)
        _refuse_load(without_key(load))
        return _side_by_side(things, result)
    with _request(arguments, (things, alternation, file, result), load) as request:
        showing = Showing(TITLE, result.files, result.quiet, result.tui, result.live)
        return perform_campaign(prepared(request, result.bees, no_wait=result.no_wait), showing, things.allowed)


def _refuse_load(load: LoadOptions) -> None:
    """Raise CampaignError for an option of the load, which only a comparison that runs something has."""
    for name in load:
        raise CampaignError(f"{OPTIONS[name].flags[-1]} {SIDE_BY_SIDE.problem}", SIDE_BY_SIDE.remedy)


# --- two stored results ----------------------------------------------------------------------------------------------


def _side_by_side(things: ComparedThings, result: Result) -> int:
    from malaria.outputs.files import write_side_by_side_files
    from malaria.outputs.run_directory import page_directory
    from malaria.outputs.stored_results import compare_stored
    from malaria.report.terminal.side_by_side_table import print_side_by_side

    if things.a is None or things.b is None:
        raise RunError("two results are needed", "malaria compare A B; or malaria compare --ab A B: see --help")
    compared = compare_stored(named_run(things.a), named_run(things.b), anyway=things.anyway)
    screen = console(result.json)
    with page_directory(result.output, RUNS, "compare") as directory:
        if not result.quiet:
            print_side_by_side(compared, screen)
        write_side_by_side_files(compared, directory)
        if not result.quiet:
            say_page(directory, screen)
    write_json(compared.as_json(), result.json)
    return 0


# --- two sides that are run ------------------------------------------------------------------------------------------


@contextmanager
def _request(
    arguments: tuple[str, ...], shapes: tuple[ComparedThings, Alternation, FromFile, Result], load: LoadOptions
) -> Iterator[CampaignRequest]:
    """Give the request of a new comparison or of one that goes on, while its directory is held for it."""
    from malaria.campaigns import compare_request, refuse_to_resume, resumed_request
    from malaria.outputs.run_directory import run_directory

    things, alternation, file, result = shapes
    workers = workers_for(result.workers)
    if alternation.resume is not None:
        # pairs of another load would be no evidence beside those that are stored
        if things.a is not None or without_key(load) or file.warhead is not None:
            raise CampaignError("--resume takes no sides and no load", "a comparison goes on as it was started")
        RESUMED.refuse_others(things, alternation, file, result)
        secrets = secrets_again(things.password, load)
        request = resumed_request(alternation.resume, secrets, workers, alternation.pairs)
        refuse_to_resume(request, "compare")
        confirm_commands(request, yes=alternation.yes)
        yield request
        return
    ALTERNATED.refuse_others(things)
    options = _options(shapes, load)
    command = command_line(arguments)
    with run_directory(result.output, RUNS, "compare", overwrite=result.overwrite) as directory:
        yield compare_request(options, command, directory, workers)


def _options(shapes: tuple[ComparedThings, Alternation, FromFile, Result], load: LoadOptions) -> CompareOptions:
    """Return the comparison as it was asked for. Raises OperatorError."""
    from malaria.campaigns import CompareOptions
    from malaria.campaigns.compare_request import DEFAULT_HOLD, comparison_keys
    from malaria.model.observe import observe_from_options

    things, alternation, file, result = shapes
    if things.a is None or things.b is None:
        raise CampaignError("--ab needs two sides", "give two targets, brokers or warheads: malaria compare --ab A B")

    hold = alternation.hold or DEFAULT_HOLD
    return CompareOptions(
        a=things.a,
        b=things.b,
        warhead=_warhead(file, hold, load),
        load=load,
        hold=hold,
        comparison=comparison_keys(alternation.pairs, alternation.band, alternation.fail_if_worse),
        observe=observe_from_options(result.observe or ()),
        target=alternation.target,
        login=(things.username, things.password),
        one_load=file.warhead is not None or file.no_subscriber,
    )


def _warhead(file: FromFile, hold: str, load: LoadOptions) -> Warhead:
    from malaria.model.warhead_options import made_warhead

    # a run is as long as its hold: a duration would say it twice
    return made_warhead(file.warhead, LoadOptions(**load, duration=hold), subscriber=not file.no_subscriber)


def add_to(app: typer.Typer) -> None:
    app.command("compare", short_help="compare two runs, or run two sides alternately", epilog="\n\n".join(EXAMPLES))(
        compare
    )
