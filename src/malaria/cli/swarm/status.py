"""`malaria swarm status`: show each bee, and how many clients the swarm can make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from malaria import __version__
from malaria.cli.output import console
from malaria.cli.result_files import write_json
from malaria.cli.swarm.app import DEFAULT, SOME_FAILED, Chosen, Name, hosts_of, say, wait_for

if TYPE_CHECKING:
    from rich.table import Table

    from malaria.swarm.hosts.bee_status import BeeCapacity, BeeStatus
    from malaria.swarm.hosts.each_host import HostResult

EXAMPLES: Final = ("malaria swarm status", "malaria swarm status --bee bee-3 --json -")
UNKNOWN: Final = "-"
HEADINGS: Final = (
    "bee",
    "address",
    "malaria",
    "Python",
    "cores",
    "memory",
    "disk",
    "files",
    "ports",
    "keys",
    "clients",
)
NUMBERS: Final = frozenset({"cores", "memory", "disk", "files", "ports", "clients"})
WIDTH: Final = 120
"""Width of the table where there is no terminal."""


def status(
    chosen: Chosen = None,
    json: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write the status as JSON; - is stdout.", show_default=False),
    ] = None,
    name: Name = DEFAULT,
) -> int:
    """Show each bee: reachable, what is deployed, limits, keys; and how many clients this swarm can make."""
    from malaria.swarm.hosts.bee_status import ask_status, capacity_of

    results = wait_for(ask_status(hosts_of(name, chosen)))
    capacities = {
        result.host.name: capacity
        for result in results
        if result.value is not None
        and (capacity := capacity_of(result.value, len(result.host.source_addresses))) is not None
    }
    if json is not None:
        write_json([_facts(result, capacities.get(result.host.name)) for result in results], json)
    else:
        _show(results, capacities)
    return SOME_FAILED if any(result.failed for result in results) else 0


def _show(results: Sequence[HostResult[BeeStatus]], capacities: dict[str, BeeCapacity]) -> None:
    from malaria.swarm.hosts.bee_status import swarm_capacity

    screen = console(None)
    # a pipe has no width, and rich would take 80 columns
    screen.width = screen.width if screen.is_terminal else WIDTH
    screen.print(_table(results, capacities))
    _say_more(results)
    if (whole := swarm_capacity(capacities)) is not None:
        clients, bee, capacity = whole
        screen.print(
            f"\nthis swarm can make {clients:,} clients: {bee} would be the first to run out of {capacity.limit}",
            highlight=False,
        )
    for line in _keys(results):
        say(line)


def _keys(results: Sequence[HostResult[BeeStatus]]) -> list[str]:
    """Return how many clients each file of keys allows, of which the bees have parts, and which bees lack theirs."""
    bees = {result.host.name: result.value for result in results if result.value is not None}
    files = {part.file: part for status in bees.values() for part in status.parts}
    lines = []
    for file, part in files.items():
        having = {name: one for name, status in bees.items() for one in status.parts if one.file == file}
        count = sum(one.count for one in having.values())
        without = [name for name in bees if name not in having]
        lack = f"; {', '.join(without)} {'has' if len(without) == 1 else 'have'} no part of them" if without else ""
        whole = "" if count == part.lines else f" of the {part.lines:,} in their file"
        lines.append(f"the keys on the bees are for {count:,} clients{whole}{lack}")
    return lines


def _table(results: Sequence[HostResult[BeeStatus]], capacities: dict[str, BeeCapacity]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold", justify="right" if heading in NUMBERS else "left")
    for result in results:
        cells = [result.host.name, str(result.host.destination)]
        cells += _cells(result.value, capacities.get(result.host.name))
        table.add_row(*(Text(cell, style="red" if result.failed else "") for cell in cells))
    return table


def _cells(status: BeeStatus | None, capacity: BeeCapacity | None) -> list[str]:
    if status is None:
        return ["not reached"]
    from malaria.units import format_bytes, format_count

    def count(value: int | None) -> str:
        return UNKNOWN if value is None else format_count(value)

    def size(value: int | None) -> str:
        return UNKNOWN if value is None else format_bytes(value)

    deployed = status.deployed
    return [
        deployed.version if deployed else "none",
        deployed.python if deployed else UNKNOWN,
        count(status.cores),
        size(status.free_bytes),
        size(status.disk_bytes),
        count(status.open_files),
        count(status.ports),
        " ".join(f"{part.number + 1}/{part.parts}: {part.count:,}" for part in status.parts) or UNKNOWN,
        format_count(capacity.clients) if capacity else UNKNOWN,
    ]


def _say_more(results: Sequence[HostResult[BeeStatus]]) -> None:
    """Print what has no room in the table."""
    for result in results:
        if result.failed:
            say(f"{result.host}: {result.error}" + (f"; {result.remedy}" if result.remedy else ""))
        elif result.value is not None and result.value.running:
            holder = f", for {result.value.holder}" if result.value.holder else ""
            say(f"{result.host.name} makes load now (process {result.value.running}){holder}")
    others = [
        f"{result.host.name} has malaria {result.value.deployed.version}"
        for result in results
        if result.value and result.value.deployed and result.value.deployed.version != __version__
    ]
    if others:
        say(f"{', '.join(others)}, and this host {__version__}: malaria swarm deploy")
    # equal versions may differ while malaria is being changed
    digests = {result.value.deployed.digest for result in results if result.value and result.value.deployed}
    if len(digests) > 1:
        say("the bees do not all have the same malaria: malaria swarm deploy")


def _facts(result: HostResult[BeeStatus], capacity: BeeCapacity | None) -> dict[str, Any]:
    return {
        "bee": result.host.name,
        "address": str(result.host.destination),
        "error": result.error or None,
        "standing": None if result.value is None else asdict(result.value),
        "clients": None if capacity is None else capacity.clients,
        "limit": None if capacity is None else capacity.limit,
    }
