"""`malaria swarm remove`: take bees out of a swarm."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from malaria.cli.swarm.app import DEFAULT, Name
from malaria.cli.swarm.down import Force, take_down

EXAMPLES: Final = ("malaria swarm remove bee-3", "malaria swarm remove bee-3 bee-4 --force")


def remove(
    bees: Annotated[list[str], typer.Argument(metavar="BEE", help="Bees to take out.", show_default=False)],
    force: Force = False,
    name: Name = DEFAULT,
) -> int:
    """Take bees out of the swarm: clean a host that was added, end an instance. The others stay as they are."""
    from malaria.swarm.hosts.state import load_swarm

    return take_down(load_swarm(name), bees, force=force)
