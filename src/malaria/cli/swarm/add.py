"""`malaria swarm add`: add hosts that are reached over ssh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from malaria.cli.swarm.app import DEFAULT, Name, count_bees, say

EXAMPLES: Final = (
    "malaria swarm add karl@10.0.0.3 karl@10.0.0.4:2222",
    "malaria swarm add --inventory bees.txt --jump karl@gate.example --key ~/.ssh/bees",
    "malaria swarm add me@mac.example --swarm night",
)


def add(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="USER@HOST", help="Hosts to add: user@host, host or user@host:port.", show_default=False
        ),
    ] = None,
    inventories: Annotated[
        list[Path] | None,
        typer.Option(
            "--inventory",
            metavar="FILE",
            help="File with user@host:port lines, or TOML tables (repeatable).",
            show_default=False,
        ),
    ] = None,
    jump: Annotated[
        str, typer.Option("--jump", metavar="HOST", help="Jump host to reach them through.", show_default=False)
    ] = "",
    key: Annotated[
        str,
        typer.Option("--key", metavar="FILE", help="Private key, besides those of the agent.", show_default=False),
    ] = "",
    directory: Annotated[
        str, typer.Option("--directory", metavar="DIR", help="Directory for malaria on each host.")
    ] = "~/.malaria",
    ssh_config: Annotated[
        str, typer.Option("--ssh-config", metavar="FILE", help="Use in place of ~/.ssh/config.", show_default=False)
    ] = "",
    name: Name = DEFAULT,
) -> int:
    """Add hosts that are reached over ssh, from the command line or from a file.

    Host keys are checked against known_hosts: ssh to a new host by hand once.
    """
    from malaria.errors import SwarmError
    from malaria.swarm.hosts.inventory import read_inventory, table_of
    from malaria.swarm.hosts.state import changing

    tables = [table_of(address) for address in addresses or ()]
    for file in inventories or ():
        tables += read_inventory(file)
    if not tables:
        raise SwarmError("no host is named", "malaria swarm add user@host, or --inventory FILE")
    common = {"jump": jump, "key": key, "directory": directory, "ssh_config": ssh_config}
    # an empty option must not hide what the inventory says
    stated = {option: value for option, value in common.items() if value}
    with changing(name) as draft:
        # a table of the inventory wins over the options for all
        draft.swarm = draft.swarm.with_more([stated | table for table in tables])
        count = len(draft.swarm.hosts)
    added, total = count_bees(len(tables)), count_bees(count)
    say(f"swarm {name}: {added} added, {total} in all; next: malaria swarm prepare, then deploy")
    return 0
