"""`malaria connect`: clients that only connect, for quick use and for pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from malaria.cli.attack_screen import AttackOptions, perform
from malaria.cli.options import Result, Titled, Where, takes
from malaria.model.option_table import LoadOptions

if TYPE_CHECKING:
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria connect broker -c 10000 -R 500 -d 5m",
    "malaria connect broker -c 1000 -k 10",
)


@takes(Where, Result, Titled, load="connect")
def connect(arguments: tuple[str, ...], where: Where, result: Result, titled: Titled, load: LoadOptions) -> int:
    """Connect clients that stay and send nothing but keep-alive."""

    def make() -> Warhead:
        from malaria.model.group_keys import Role
        from malaria.model.warhead_options import build_warhead

        return build_warhead(load, Role.CONNECT)

    return perform(AttackOptions(where, result, titled.title or "connect", make), arguments)


def add_to(app: typer.Typer) -> None:
    app.command("connect", short_help="clients that connect, stay and say nothing", epilog="\n\n".join(EXAMPLES))(
        connect
    )
