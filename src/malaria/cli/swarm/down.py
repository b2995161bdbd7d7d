"""`malaria swarm down`: end the instances, clean the hosts, forget the swarm."""

from __future__ import annotations

from typing import Annotated

import typer

from malaria.cli.swarm.app import DEFAULT, Name, exit_code, say, work_on_each


def down(
    region: Annotated[
        str, typer.Option("--region", metavar="NAME", help="Region of instances whose swarm file is lost.")
    ] = "",
    name: Name = DEFAULT,
) -> int:
    """End the instances that `up` made, clean the hosts that were added, and forget the swarm.

    A host that fails stays in the swarm. Only malaria's directory is removed; only instances with the swarm's tag end.
    """
    from malaria.swarm.hosts.inventory import Swarm
    from malaria.swarm.hosts.state import changing, forget_swarm, load_swarm, state_file
    from malaria.swarm.hosts.teardown import clear_away

    swarm = load_swarm(name) if state_file(name).exists() or not region else Swarm(name=name)
    with changing(name) as draft:
        if known := region or swarm.region:
            _end_instances(name, known)
        by_ssh = [bee for bee in swarm.hosts if not bee.of_cloud]
        failed = work_on_each(by_ssh, lambda _: "removed", lambda report: clear_away(by_ssh, report))
        draft.swarm = Swarm(name=name).with_hosts(failed)
    if not failed:
        forget_swarm(name)
        say(f"swarm {name} is removed")
    return exit_code(failed)


def _end_instances(name: str, region: str) -> None:
    from malaria.swarm.hosts.cloud import Cloud
    from malaria.swarm.hosts.cloud_swarm import end_bees

    ended = end_bees(Cloud(name, region))
    names = f": {', '.join(ended.instances)}" if ended.instances else ""
    say(f"{region}: {len(ended.instances)} instances ended{names}")
    if ended.group_in_use:
        say(f"{region}: the security group is still in use; malaria swarm down again removes it")
