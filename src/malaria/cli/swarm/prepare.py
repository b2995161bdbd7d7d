"""`malaria swarm prepare`: raise the limits of the hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.output import write_text
from malaria.cli.swarm.app import DEFAULT, Chosen, Name, exit_code, hosts_of, work_on_each

if TYPE_CHECKING:
    from malaria.swarm.hosts.preparation import Preparation

EXAMPLES: Final = ("malaria swarm prepare", "malaria swarm prepare --script > prepare.sh")


def prepare(
    chosen: Chosen = None,
    script: Annotated[bool, typer.Option("--script", help="Only print the script, to run it by hand as root.")] = False,
    packages: Annotated[
        bool, typer.Option("--packages/--no-packages", help="Install Python and tar if missing.")
    ] = True,
    etc: Annotated[str, typer.Option("--etc", metavar="DIR", hidden=True)] = "/etc",
    name: Name = DEFAULT,
) -> int:
    """Prepare the hosts: open files, local ports, accept queue. Needs root there, or sudo without a password."""
    from malaria.errors import SwarmError
    from malaria.swarm.hosts.preparation import PREPARE, PrepareOptions
    from malaria.swarm.hosts.preparation import prepare as prepare_hosts

    # needs no swarm, and no connection
    if script:
        if chosen or name != DEFAULT:
            stray = "--bee" if chosen else "--swarm"
            raise SwarmError(
                f"{stray} cannot be used with --script", "leave it out: the script is the same for all hosts"
            )
        if not packages:
            raise SwarmError("the script is the same with --no-packages", "run it with: sh FILE /etc no-packages")
        write_text(PREPARE)
        return 0

    def describe(done: Preparation) -> str:
        sentences = [*done.changed, *(f"LACKING {sentence}" for sentence in done.lacking)]
        return "; ".join(sentences) or "nothing to change"

    hosts = hosts_of(name, chosen)
    options = PrepareOptions(etc, packages)
    return exit_code(work_on_each(hosts, describe, lambda report: prepare_hosts(hosts, report, options)))
