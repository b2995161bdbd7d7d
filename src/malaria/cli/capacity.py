"""The command `malaria capacity`: find the greatest load that a target carries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from malaria.cli.attack_screen import RUNS, checked_load, command_line
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
from malaria.cli.options import HOW, LOAD, TIME, FromFile, Result, Where, option, takes
from malaria.cli.stray_options import Use
from malaria.cli.web_view import WebView
from malaria.clock import NS_PER_MS
from malaria.errors import CampaignError, TargetError
from malaria.model.option_table import LoadOptions
from malaria.workers.worker_count import workers_for

if TYPE_CHECKING:
    from malaria.campaigns import CampaignRequest, CapacityOptions
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria capacity localhost -I 1s",
    "malaria capacity broker -I 6s -s 500 --hold 2m --budget 40m --fail-if 'ack.p99 > 500ms'",
    "malaria capacity broker -c 50 --search rate --to 20000",
    "malaria capacity broker -c 500 --trigger 50%,70%,90%",
    "malaria capacity --demo",
)
TITLE: Final = "malaria capacity"
DEFAULT_HOLD: Final = "30s"
RESUMED: Final = Use(
    HOW | {"allowed", "resume", "yes"}, "cannot be used with --resume", "a search is resumed as it was started"
)
DEMO: Final = Use(
    HOW | {"allowed", "demo", "output", "overwrite"},
    "cannot be used with --demo",
    "the demo has a broker, a load and a search of its own",
)
DEMO_HOLD: Final = "3s"
DEMO_LIMITS: Final = ("ack.p99 > 250ms", "end_to_end.p99 > 500ms")
"""The embedded broker acknowledges more than it delivers in time: only both together say what it carries."""
DEMO_OWN_LAG_NS: Final = 25 * NS_PER_MS
"""A tenth of the smaller limit: broker and load share the cores of this machine, and 25 ms do not decide over 250."""


@dataclass(frozen=True)
class SearchOptions:
    """Options of the search itself."""

    search: Annotated[
        str | None,
        option(LOAD, "--search", text="What to vary: clients at their rate, or the rate of -c clients (clients).",
               metavar="clients|rate"),
    ] = None  # fmt: skip
    start: Annotated[
        int | None,
        option(LOAD, "--from", text="First load to try: clients, or msg/s of all clients (that of -c and -I).",
               metavar="N"),
    ] = None  # fmt: skip
    greatest: Annotated[
        int | None, option(LOAD, "--to", text="Greatest load to try (100000 clients; 1000000 msg/s).", metavar="N")
    ] = None
    width: Annotated[
        str | None, option(LOAD, "--width", text="Distance between neighbouring loads (5%).", metavar="SHARE")
    ] = None
    hold: Annotated[
        str | None, option(TIME, "--hold", text="How long a full trial measures (30s).", metavar="TIME")
    ] = None
    holds: Annotated[int | None, option(TIME, "--holds", text="Full trials that prove a load (3).", metavar="N")] = None
    budget: Annotated[
        str | None, option(TIME, "--budget", text="Time for the whole search (as long as it takes).", metavar="TIME")
    ] = None
    trigger: Annotated[
        str | None,
        option(LOAD, "--trigger", text="At these parts of the proven load, find the smallest surge that does not heal.",
               metavar="50%,90%"),
    ] = None  # fmt: skip
    heal: Annotated[
        str | None, option(TIME, "--heal", text="Time in which a surge has to heal (30s).", metavar="TIME")
    ] = None
    demo: Annotated[
        bool, option(LOAD, "--demo", text="Search a broker that is started on this machine; takes 90 s.")
    ] = False
    resume: Annotated[
        Path | None, option(LOAD, "--resume", text="Go on with a search that was cut short.", metavar="DIR")
    ] = None
    yes: Yes = False


@takes(Where, SearchOptions, FromFile, Result, WebView, load="capacity")
def capacity(
    arguments: tuple[str, ...],
    where: Where,
    search: SearchOptions,
    file: FromFile,
    result: Result,
    view: WebView,
    load: LoadOptions,
) -> int:
    """Find the greatest load that a target carries: clients at their rate, or the rate of a number of clients.

    One attack climbs until the target breaks and comes down until it is well; full trials then halve the distance and
    prove the answer: more than half of the holds at a load must pass or fail. The page says what broke first and
    whether the target comes back. Exit code 0: a bracket is proven; 1: not even the smallest load is carried; 3: this
    machine cannot make more; 4: the time was used up, or the search was cut short. docs/capacity.md has more.
    """
    with _request(arguments, (where, search, file, result), load) as request:
        showing = Showing(TITLE, result.files, result.quiet, result.tui, result.live, view)
        return perform_campaign(prepared(request, result.bees, no_wait=result.no_wait), showing, where.allowed)


@contextmanager
def _request(
    arguments: tuple[str, ...], shapes: tuple[Where, SearchOptions, FromFile, Result], load: LoadOptions
) -> Iterator[CampaignRequest]:
    """Give the request of a new search or of one that is resumed, while its directory is held for it."""
    from malaria.campaigns import capacity_request, refuse_to_resume, resumed_request
    from malaria.outputs.run_directory import run_directory

    where, search, file, result = shapes
    workers = workers_for(result.workers)
    if search.resume is not None:
        # trials of another load would be no evidence for the ones that are stored
        if where.target is not None or without_key(load) or file.warhead is not None:
            raise CampaignError("--resume takes no target and no load", "a search is resumed as it was started")
        RESUMED.refuse_others(where, search, file, result)
        request = resumed_request(search.resume, secrets_again(where.password, load), workers)
        refuse_to_resume(request, "capacity")
        confirm_commands(request, yes=search.yes)
        yield request
        return
    if search.demo:
        options = _demo_options(where, without_key(load))
        DEMO.refuse_others(where, search, file, result)
    else:
        refuse_yes(yes=search.yes)
        options = _options(where, search, file, result, load)
    target = options.target
    command = "malaria capacity --demo" if target is None else command_line(arguments, where.target, target)
    with run_directory(result.output, RUNS, "capacity", overwrite=result.overwrite) as directory:
        yield capacity_request(options, command, directory, workers)


def _options(where: Where, search: SearchOptions, file: FromFile, result: Result, load: LoadOptions) -> CapacityOptions:
    """Return the search as it was asked for. Raises OperatorError."""
    from malaria.campaigns import CapacityOptions
    from malaria.model.observe import observe_from_options

    hold = search.hold or DEFAULT_HOLD
    warhead = _warhead(file, hold, load)
    if where.target is None and warhead.target.url is None:
        raise TargetError("no target is given", "give one: malaria capacity HOST, or try: malaria capacity --demo")
    target, warhead = checked_load(where, warhead)
    return CapacityOptions(target, warhead, hold, _search_table(search), observe_from_options(result.observe or ()))


def _warhead(file: FromFile, hold: str, load: LoadOptions) -> Warhead:
    from malaria.model.warhead_options import made_warhead

    # a trial is as long as its hold: a duration would say it twice
    return made_warhead(file.warhead, LoadOptions(**load, duration=hold), subscriber=not file.no_subscriber)


def _search_table(search: SearchOptions) -> dict[str, Any]:
    """Return the keys of `[search]` that were given."""
    stated = {
        "by": search.search,
        "from": search.start,
        "to": search.greatest,
        "width": search.width,
        "holds": search.holds,
        "budget": search.budget,
        "trigger": None if search.trigger is None else [part.strip() for part in search.trigger.split(",")],
        "heal": search.heal,
    }
    # what was not given takes the default of `[search]`, which is in one place
    return {key: value for key, value in stated.items() if value is not None}


def _demo_options(where: Where, stated_load: LoadOptions) -> CapacityOptions:
    """Return a search over the rate that an embedded broker carries. Raises CampaignError for other options."""
    from malaria.campaigns import CapacityOptions
    from malaria.model.observe import Observe
    from malaria.model.warhead_options import build_warhead

    # the demo has a broker and a load of its own
    if where.target is not None or stated_load:
        raise CampaignError("--demo takes no target and no load", "leave them out, or leave --demo out")
    stated = LoadOptions(clients=20, rate="40", size="200", duration=DEMO_HOLD, drain="2s", fail_if=DEMO_LIMITS)
    load = build_warhead(stated, subscriber=True)
    attack = load.attack.model_copy(update={"own_lag_limit_ns": DEMO_OWN_LAG_NS})
    load = load.model_copy(update={"attack": attack})
    search = {"by": "rate", "width": "10%", "to": 20_000}
    return CapacityOptions(None, load, DEMO_HOLD, search, Observe(), "embedded")


def add_to(app: typer.Typer) -> None:
    app.command("capacity", short_help="find the greatest load that a target carries", epilog="\n\n".join(EXAMPLES))(
        capacity
    )
