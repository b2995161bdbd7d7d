"""`malaria subscribe`: subscribing clients alone, for quick use and for pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from malaria.cli.attack_screen import AttackOptions, perform
from malaria.cli.options import Result, Titled, Where, takes
from malaria.model.option_table import LoadOptions

if TYPE_CHECKING:
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria subscribe broker -t 'sensors/#' -c 5 -d 1m",
    "malaria subscribe broker -t 'malaria/+/data' -q 0 --json -",
)


@takes(Where, Result, Titled, load="subscribe")
def subscribe(arguments: tuple[str, ...], where: Where, result: Result, titled: Titled, load: LoadOptions) -> int:
    """Run subscribing clients alone: count what arrives and, from our own publishers, measure how late."""

    def make() -> Warhead:
        from malaria.model.group_keys import Role
        from malaria.model.warhead_options import build_warhead

        return build_warhead(load, Role.SUBSCRIBE)

    return perform(AttackOptions(where, result, titled.title or "subscribe", make), arguments)


def add_to(app: typer.Typer) -> None:
    app.command("subscribe", short_help="subscribing clients alone", epilog="\n\n".join(EXAMPLES))(subscribe)
