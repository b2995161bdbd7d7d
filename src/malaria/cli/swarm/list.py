"""`malaria swarm list`: show the swarms that are known here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from malaria.cli.result_files import write_json
from malaria.cli.swarm.app import count_bees, say

if TYPE_CHECKING:
    from malaria.swarm.hosts.inventory import Swarm

EXAMPLES: Final = ("malaria swarm list", "malaria swarm list --json -")


def list_known(
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the list as JSON; - is stdout.", show_default=False),
    ] = None,
) -> int:
    """Show the swarms that are known here, with their bees. No host is asked."""
    from malaria.swarm.hosts.state import list_swarms, load_swarm

    swarms = [load_swarm(name) for name in list_swarms()]
    # programs get an empty list where people get a sentence
    if json is not None:
        write_json([_facts(swarm) for swarm in swarms], json)
        return 0
    for swarm in swarms:
        region = f" in {swarm.region}" if swarm.region else ""
        say(f"{swarm.name}: {count_bees(len(swarm.hosts))}{region}")
        for bee in swarm.hosts:
            say(f"  {bee}")
    if not swarms:
        say("no swarm is known; make one: malaria swarm add user@host")
    return 0


def _facts(swarm: Swarm) -> dict[str, Any]:
    bees = [{"bee": bee.name, "address": str(bee.destination)} for bee in swarm.hosts]
    return {"swarm": swarm.name, "region": swarm.region or None, "bees": bees}
