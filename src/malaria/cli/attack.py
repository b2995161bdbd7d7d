"""`malaria attack`: one attack, from a warhead or from options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.attack_screen import (
    RUNS,
    AttackOptions,
    checked_load,
    command_line,
    perform,
)
from malaria.cli.options import TIME, FromFile, Result, Titled, Where, option, takes
from malaria.cli.web_view import WebView
from malaria.model.option_table import LoadOptions
from malaria.workers.worker_count import workers_for

if TYPE_CHECKING:
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria attack localhost",
    "malaria attack broker:1883 -c 3000 -I 6s -s 500 -q 1 -d 10m --fail-if 'ack.p99 > 500ms'",
    "malaria attack broker -w examples/meters.toml -c 500 --json -",
    "malaria attack broker -c 3000 -I 6s -d 1h --web",
    "malaria attack broker -c 500 -d 1m --repeat 5",
)


@dataclass(frozen=True)
class Again(Titled):
    """The title of the attack, and the number of its runs."""

    repeat: Annotated[
        int | None,
        option(TIME, "--repeat", text="Run the attack so many times; says how much the figures scatter.", min=2,
               max=99, metavar="N"),
    ] = None  # fmt: skip


@takes(Where, FromFile, Again, Result, WebView, load="attack")
def attack(
    arguments: tuple[str, ...],
    where: Where,
    file: FromFile,
    again: Again,
    result: Result,
    view: WebView,
    load: LoadOptions,
) -> int:
    """Run one attack: publishers and a subscriber as the options say, or the load of a warhead.

    Shows the progress, prints the verdict, and keeps the run and its page in a directory.
    """

    def make() -> Warhead:
        from malaria.model.warhead_options import made_warhead

        return made_warhead(file.warhead, load, subscriber=not file.no_subscriber)

    title = again.title or ("attack" if file.warhead is None else file.warhead.stem)
    options = AttackOptions(where, result, title, make, view)
    if again.repeat is None:
        return perform(options, arguments)
    return _perform_again(options, again.repeat, arguments)


def _perform_again(options: AttackOptions, repeat: int, arguments: tuple[str, ...]) -> int:
    """Run the attack several times as a campaign of one level; return the exit code of the worst verdict."""
    from malaria.campaigns import RepeatOptions, repeat_request
    from malaria.cli.campaign_screen import Showing, perform_campaign, prepared
    from malaria.model.observe import observe_from_options
    from malaria.outputs.run_directory import run_directory

    where, result = options.where, options.result
    result.files.check()
    target, warhead = checked_load(where, options.make())
    observe = observe_from_options(result.observe or ())
    command = command_line(arguments, where.target, target)
    with run_directory(result.output, RUNS, options.title, overwrite=result.overwrite) as directory:
        wanted = RepeatOptions(target, warhead, options.title, repeat, observe)
        request = repeat_request(wanted, command, directory, workers_for(result.workers))
        showing = Showing("malaria attack", result.files, result.quiet, result.tui, result.live, options.view)
        return perform_campaign(prepared(request, result.bees, no_wait=result.no_wait), showing, where.allowed)


def add_to(app: typer.Typer) -> None:
    app.command("attack", short_help="one attack, from options or from a warhead", epilog="\n\n".join(EXAMPLES))(attack)
