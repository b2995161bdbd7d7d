"""`malaria swarm share-keys`: give each bee its part of a file of keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.swarm.app import DEFAULT, Name, exit_code, hosts_of, work_on_each

if TYPE_CHECKING:
    from malaria.model.key_part import KeyPart

EXAMPLES: Final = ("malaria swarm share-keys malaria.psk", "malaria swarm share-keys malaria.psk -w meters.toml")


def share_keys(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File of pre-shared keys, or of users.", show_default=False)
    ],
    warhead: Annotated[
        Path | None,
        typer.Option(
            "-w", "--warhead", metavar="FILE", help="Warhead with groups that begin at a first_key.", show_default=False
        ),
    ] = None,
    name: Name = DEFAULT,
) -> int:
    """Give each bee its part of a file of keys: exactly the lines of its own clients, readable by the owner alone."""
    from malaria.model.warhead import load_warhead
    from malaria.swarm.hosts.key_shares import read_key_file, starts_of
    from malaria.swarm.hosts.key_shares import share_keys as share

    starts = (0,) if warhead is None else starts_of(load_warhead(warhead), file)
    keys = read_key_file(file)
    # all bees: parts depend on their number, so a few cannot be given new ones
    hosts = hosts_of(name, None)

    def describe(part: KeyPart) -> str:
        return f"part {part.number + 1} of {part.parts}: {part.count:,} of {part.lines:,} lines"

    return exit_code(work_on_each(hosts, describe, lambda report: share(hosts, keys, starts, report)))
