"""The command `malaria swarm`, one module for each of its subcommands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import typer

from malaria.cli.swarm import abort, add, collect, deploy, down, prepare, remove, share_keys, status, up
from malaria.cli.swarm import list as list_swarms
from malaria.cli.swarm.app import swarm_app

COMMANDS: Final[dict[str, Callable[..., int]]] = {
    "list": list_swarms.list_known,
    "add": add.add,
    "up": up.up,
    "prepare": prepare.prepare,
    "deploy": deploy.deploy,
    "share-keys": share_keys.share_keys,
    "status": status.status,
    "abort": abort.abort,
    "remove": remove.remove,
    "down": down.down,
    "collect": collect.collect,
}
"""In the order of the help."""

for _name, _function in COMMANDS.items():
    swarm_app.command(_name)(_function)


def add_to(app: typer.Typer) -> None:
    app.add_typer(swarm_app, name="swarm", short_help="many hosts that make load together")
