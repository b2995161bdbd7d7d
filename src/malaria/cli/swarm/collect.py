"""`malaria swarm collect`: bring the records on the disks of bees into their run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from malaria.cli.attack_screen import say_page
from malaria.cli.output import console as screen_for
from malaria.cli.output import print_line
from malaria.cli.stored import RunArgument
from malaria.cli.stored import chosen as chosen_run
from malaria.cli.swarm.app import SOME_FAILED

EXAMPLES: Final = ("malaria swarm collect", "malaria swarm collect runs/2026-11-22T1751-meters")


def collect(
    run: RunArgument = None,
    swarm: Annotated[
        str | None,
        typer.Option(
            "--swarm",
            metavar="NAME",
            help="Name of the swarm (default: the one that made the run).",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Bring what bees still have of a run: of a bee that was lost and is back, or after the conductor was killed.

    Each record is taken once, however often this is called. Then the page is made again. Exit code 1: a bee was not
    reached.
    """
    from malaria.errors import RunError
    from malaria.outputs.rewriting import rewrite_attack
    from malaria.records.store import open_run
    from malaria.swarm.hosts.state import load_swarm
    from malaria.swarm.run.collecting import collect as collect_records
    from malaria.swarm.run.ssh_launcher import SshLauncher

    directory: Path = chosen_run(run)
    stored = open_run(directory).meta.swarm
    name = swarm or (stored.name if stored else None)
    if name is None:
        raise RunError(f"{directory} was not made by a swarm", "name the directory of a run with --swarm")
    collection = collect_records(directory, SshLauncher(load_swarm(name)))
    for bee, seconds in collection.seconds.items():
        print_line(f"  {bee}: {seconds} seconds of records", error=True)
    for bee in collection.without:
        print_line(f"  {bee}: nothing more", error=True)
    for bee, cause in collection.unreachable.items():
        print_line(f"  {bee}: not reached: {cause}", error=True)
    # without new records the page would be the same
    if collection.seconds:
        rewrite_attack(directory, directory)
        say_page(directory, screen_for(None))
    return SOME_FAILED if collection.unreachable else 0
