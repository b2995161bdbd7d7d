"""The command `malaria swarm`, one module for each of its subcommands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import typer

from malaria.cli.swarm import abort, add, collect, deploy, down, prepare, remove, share_keys, status, up
from malaria.cli.swarm import list as list_swarms
from malaria.cli.swarm.app import swarm_app

COMMANDS: Final[dict[str, tuple[Callable[..., int], Sequence[str]]]] = {
    "list": (list_swarms.list_known, list_swarms.EXAMPLES),
    "add": (add.add, add.EXAMPLES),
    "up": (up.up, up.EXAMPLES),
    "prepare": (prepare.prepare, prepare.EXAMPLES),
    "deploy": (deploy.deploy, deploy.EXAMPLES),
    "share-keys": (share_keys.share_keys, share_keys.EXAMPLES),
    "status": (status.status, status.EXAMPLES),
    "abort": (abort.abort, abort.EXAMPLES),
    "remove": (remove.remove, remove.EXAMPLES),
    "down": (down.down, down.EXAMPLES),
    "collect": (collect.collect, collect.EXAMPLES),
}
"""Name -> the function and examples of its use, in the order of the help."""

for _name, (_function, _examples) in COMMANDS.items():
    swarm_app.command(_name, epilog="\n\n".join(_examples))(_function)


def add_to(app: typer.Typer) -> None:
    app.add_typer(swarm_app, name="swarm", short_help="many hosts that make load together")
