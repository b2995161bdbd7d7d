"""`malaria attack`: one attack, from a warhead or from options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from malaria.cli.attack_screen import AttackOptions, perform
from malaria.cli.options import FromFile, Result, Where, takes
from malaria.errors import WarheadError
from malaria.model.option_table import LoadOptions

if TYPE_CHECKING:
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria attack localhost",
    "malaria attack broker:1883 -c 3000 -I 6s -s 500 -q 1 -d 10m --fail-if 'ack.p99 > 500ms'",
    "malaria attack broker -w examples/meters.toml -c 500 --json -",
)


@takes(Where, FromFile, Result, load="attack")
def attack(arguments: tuple[str, ...], where: Where, file: FromFile, result: Result, load: LoadOptions) -> int:
    """Run one attack: publishers and a subscriber as the options say, or the load of a warhead.

    Shows the progress, prints the verdict, and keeps the run and its page in a directory.
    """

    def make() -> Warhead:
        from malaria.model.warhead import load_warhead
        from malaria.model.warhead_options import build_warhead, override

        if file.warhead is None:
            return build_warhead(load, subscriber=not file.no_subscriber)
        # which groups a warhead has, its file says
        if file.no_subscriber:
            raise WarheadError("--no-subscriber cannot be used with --warhead", "remove the subscribing group from it")
        # both are needed before the file can be checked; `override` applies the other options
        warhead = load_warhead(file.warhead, load.get("duration"), load.get("protocol"))
        return override(warhead, load, str(file.warhead))

    title = "attack" if file.warhead is None else file.warhead.stem
    return perform(AttackOptions(where, result, title, make), arguments)


def add_to(app: typer.Typer) -> None:
    app.command("attack", short_help="one attack, from options or from a warhead", epilog="\n\n".join(EXAMPLES))(attack)
