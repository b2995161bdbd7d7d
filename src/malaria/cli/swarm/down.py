"""`malaria swarm down`: end the instances, clean the hosts, forget the swarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.swarm.app import DEFAULT, Chosen, Name, end_on_each, exit_code, say

if TYPE_CHECKING:
    from malaria.swarm.hosts.inventory import BeeHost, Swarm

EXAMPLES: Final = (
    "malaria swarm down",
    "malaria swarm down --bee bee-3 --force",
    "malaria swarm down --swarm night --region us-east-1",
)
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Forget also bees that cannot be cleaned, such as a mistyped host; end the load of others."
    ),
]


def down(
    chosen: Chosen = None,
    force: Force = False,
    region: Annotated[
        str, typer.Option("--region", metavar="NAME", help="Region of instances whose swarm file is lost.")
    ] = "",
    name: Name = DEFAULT,
) -> int:
    """End the instances that `up` made, clean the hosts that were added, and forget the swarm.

    A host that fails stays in the swarm, unless --force is given. Before the load of another person is ended, you are
    asked. Only malaria's directory is removed there, and only
    instances with the swarm's tag end.
    """
    from malaria.errors import SwarmError
    from malaria.swarm.hosts.inventory import Swarm
    from malaria.swarm.hosts.state import load_swarm, state_file

    if chosen and region:
        raise SwarmError("--region is for a whole swarm: each bee has its own", "leave --region or --bee out")
    # instances have the swarm's tag, so they can be ended without its file
    swarm = load_swarm(name) if state_file(name).exists() or not region else Swarm(name=name)
    if chosen:
        return take_down(swarm, chosen, force=force)
    # instances first: they cost money as long as they run
    if known := region or swarm.region:
        _end_all_instances(name, known)
    return _clean(swarm, swarm.hosts, force=force)


def take_down(swarm: Swarm, names: Sequence[str], *, force: bool) -> int:
    """End or clean the named bees and take them out of the swarm; return the exit code. Raises SwarmError."""
    from malaria.swarm.hosts.cloud import Cloud

    bees = swarm.chosen(names)
    for region in {bee.region for bee in bees if bee.of_cloud}:
        ended = Cloud(swarm.name, region).end({bee.instance for bee in bees if bee.region == region})
        say(f"{region}: {len(ended)} instances ended: {', '.join(ended)}")
    return _clean(swarm, bees, force=force)


def _clean(swarm: Swarm, bees: Sequence[BeeHost], *, force: bool) -> int:
    """Remove malaria from those bees that are hosts, and all of them from the swarm, which ends with its last bee."""
    from malaria.swarm.hosts.conductor_lock import remove_stale_locks
    from malaria.swarm.hosts.state import changing
    from malaria.swarm.hosts.teardown import clear_away

    by_ssh = [bee for bee in bees if not bee.of_cloud]
    failed = end_on_each(
        by_ssh, lambda _: "removed", lambda some, report, all_: clear_away(some, report, force=all_), force=force
    )
    # a bee that was not cleaned may still make load
    stay = {bee.name for bee in failed} if not force else set()
    gone = {bee.name for bee in bees} - stay
    with changing(swarm.name) as draft:
        rest = [bee for bee in draft.swarm.hosts if bee.name not in gone]
        draft.swarm, draft.removed = draft.swarm.with_hosts(rest), not rest
    if not rest:
        remove_stale_locks(swarm.name)
        say(f"swarm {swarm.name} is removed")
    if failed and not force:
        say("bees that failed stay in the swarm; to forget them all the same: --force")
    return 0 if force else exit_code(failed)


def _end_all_instances(name: str, region: str) -> None:
    from malaria.swarm.hosts.cloud import Cloud
    from malaria.swarm.hosts.cloud_swarm import end_bees

    ended = end_bees(Cloud(name, region))
    names = f": {', '.join(ended.instances)}" if ended.instances else ""
    say(f"{region}: {len(ended.instances)} instances ended{names}")
    if ended.group_in_use:
        say(f"{region}: the security group is still in use; malaria swarm down again removes it")
