"""`malaria publish`: publishing clients alone, for quick use and for pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from malaria.cli.attack_screen import AttackOptions, perform
from malaria.cli.options import Result, Titled, Where, takes
from malaria.model.option_table import LoadOptions

if TYPE_CHECKING:
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria publish broker -c 100 -r 10 -n 1000",
    "malaria publish broker -c 4 -I 0 -q 0 -d 10s   # closed loop: as fast as it goes",
)


@takes(Where, Result, Titled, load="publish")
def publish(arguments: tuple[str, ...], where: Where, result: Result, titled: Titled, load: LoadOptions) -> int:
    """Run publishing clients alone. Without a subscriber, deliveries are not measured."""

    def make() -> Warhead:
        from malaria.model.group_keys import Role
        from malaria.model.warhead_options import build_warhead

        return build_warhead(load, Role.PUBLISH)

    return perform(AttackOptions(where, result, titled.title or "publish", make), arguments)


def add_to(app: typer.Typer) -> None:
    app.command("publish", short_help="publishing clients alone", epilog="\n\n".join(EXAMPLES))(publish)
