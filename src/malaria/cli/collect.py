"""`malaria swarm collect`: records that bees have kept on their disks come home."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from malaria.cli.attack_screen import console as screen_for
from malaria.cli.attack_screen import say_page
from malaria.cli.stored import RunArgument, chosen
from malaria.cli.swarm import swarm_app

EXAMPLE: Final = "malaria swarm collect runs/2026-11-22T1751-meters"


def collect(
    run: RunArgument = None,
    swarm: Annotated[
        str | None,
        typer.Option("--swarm", metavar="NAME", help="Where the bees are (who made it).", show_default=False),
    ] = None,
) -> int:
    """Bring what bees still have of a run: of a bee that was lost and is back, or when the conductor was killed.

    Each record is taken once, however often this is called. Then the page is made anew.
    """
    from malaria.errors import RunError
    from malaria.outputs.rewriting import rewrite_attack
    from malaria.records.store import open_run
    from malaria.swarm.hosts.state import load_swarm
    from malaria.swarm.run.collecting import collect as bring
    from malaria.swarm.run.ssh_launcher import SshLauncher

    directory: Path = chosen(run)
    stored = open_run(directory).meta.swarm
    name = swarm or (stored.name if stored else None)
    if name is None:
        raise RunError(f"{directory} was not made by a swarm", "name the directory of a run with --swarm")
    collection = bring(directory, SshLauncher(load_swarm(name)))
    for bee, seconds in collection.seconds.items():
        print(f"  {bee}: {seconds} seconds of records", file=sys.stderr)
    for bee in collection.without:
        print(f"  {bee}: nothing more, or not reached", file=sys.stderr)
    if collection.seconds:
        rewrite_attack(directory, directory)
        say_page(directory, screen_for(None))
    return 0


def add_to(_: typer.Typer) -> None:
    swarm_app.command("collect", epilog=EXAMPLE)(collect)
