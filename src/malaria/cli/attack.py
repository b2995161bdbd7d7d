"""`malaria attack`: one attack, from a warhead or from options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from malaria.cli.attack_screen import AttackOptions, perform
from malaria.cli.options import (
    Conversation,
    Course,
    Crowd,
    Entry,
    FromFile,
    Messages,
    Result,
    Where,
    load_options,
    takes,
)
from malaria.errors import WarheadError

if TYPE_CHECKING:
    from malaria.model.warhead import Warhead

EXAMPLES: Final = (
    "malaria attack localhost",
    "malaria attack broker:1883 -c 3000 -I 6s -s 500 -q 1 -d 10m --fail-if 'ack.p99 > 500ms'",
    "malaria attack broker -w examples/meters.toml -c 500 --json -",
)


@takes(Where, FromFile, Crowd, Entry, Conversation, Messages, Course, Result)
def attack(
    arguments: tuple[str, ...],
    where: Where,
    file: FromFile,
    crowd: Crowd,
    entry: Entry,
    conversation: Conversation,
    messages: Messages,
    course: Course,
    result: Result,
) -> int:
    """One attack: publishers and a subscriber as options say, or what a warhead says.

    Shows how it goes, prints the verdict, and keeps the run with its page in a directory.
    """

    def make() -> Warhead:
        from malaria.model.options import build_warhead, override
        from malaria.model.warhead import load_warhead

        options = load_options(file, crowd, entry, conversation, messages, course, result)
        if file.no_subscriber and file.warhead is not None:
            raise WarheadError("--no-subscriber stands beside a warhead", "take the subscribing group out of the file")
        if file.warhead is None:
            return build_warhead(options, subscriber=not file.no_subscriber)
        return override(load_warhead(file.warhead, options.duration), options, str(file.warhead))

    title = "attack" if file.warhead is None else file.warhead.stem
    return perform(AttackOptions(where, result, title, make), arguments)


def add_to(app: typer.Typer) -> None:
    app.command("attack", short_help="one attack, from options or from a warhead", epilog="\n\n".join(EXAMPLES))(attack)
