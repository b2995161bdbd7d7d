"""`malaria subscribe`: one role alone, for quick use and for pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from malaria.cli.attack_screen import AttackOptions, perform
from malaria.cli.options import Conversation, Course, Crowd, Entry, Result, Where, load_options, takes

if TYPE_CHECKING:
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria subscribe broker -t 'sensors/#' -c 5 -d 1m",
    "malaria subscribe broker -t 'malaria/+/data' -q 0 --json -",
)


@takes(Where, Crowd, Entry, Conversation, Course, Result)
def subscribe(
    arguments: tuple[str, ...],
    where: Where,
    crowd: Crowd,
    entry: Entry,
    conversation: Conversation,
    course: Course,
    result: Result,
) -> int:
    """Subscribing clients alone: what comes in, how much, and from our own publishers how late."""

    def make() -> Warhead:
        from malaria.model.group_keys import Role
        from malaria.model.options import build_warhead

        return build_warhead(load_options(crowd, entry, conversation, course, result), Role.SUBSCRIBE)

    return perform(AttackOptions(where, result, "subscribe", make), arguments)


def add_to(app: typer.Typer) -> None:
    app.command("subscribe", short_help="subscribing clients alone", epilog="\n\n".join(EXAMPLES))(subscribe)
