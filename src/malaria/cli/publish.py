"""`malaria publish`: one role alone, for quick use and for pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from malaria.cli.attack_screen import AttackOptions, perform
from malaria.cli.options import Conversation, Course, Crowd, Entry, Messages, Result, Where, load_options, takes

if TYPE_CHECKING:
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria publish broker -c 100 -r 10 -n 1000",
    "malaria publish broker -c 4 -I 0 -q 0 -d 10s   # closed loop: as fast as it goes",
)


@takes(Where, Crowd, Entry, Conversation, Messages, Course, Result)
def publish(
    arguments: tuple[str, ...],
    where: Where,
    crowd: Crowd,
    entry: Entry,
    conversation: Conversation,
    messages: Messages,
    course: Course,
    result: Result,
) -> int:
    """Publishing clients alone, without a subscriber: no account of deliveries."""

    def make() -> Warhead:
        from malaria.model.group_keys import Role
        from malaria.model.options import build_warhead

        return build_warhead(load_options(crowd, entry, conversation, messages, course, result), Role.PUBLISH)

    return perform(AttackOptions(where, result, "publish", make), arguments)


def add_to(app: typer.Typer) -> None:
    app.command("publish", short_help="publishing clients alone", epilog="\n\n".join(EXAMPLES))(publish)
