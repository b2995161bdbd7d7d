"""`malaria swarm up`: make bees on EC2."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from malaria.cli.swarm.app import DEFAULT, Name, count_bees, exit_code, say, wait_for

if TYPE_CHECKING:
    from malaria.swarm.hosts.inventory import Swarm

EXAMPLES: Final = (
    "malaria swarm up 20 --region us-east-1 --image ami-0123456789abcdef0",
    "malaria swarm up 20 --region us-east-1 --image ami-0123456789abcdef0 --allow-from 203.0.113.7/32 --spot",
)


def up(
    count: Annotated[int, typer.Argument(metavar="N", help="Number of bees in all.", min=1, max=1000)],
    region: Annotated[str, typer.Option("--region", metavar="NAME", help="Region, such as us-east-1.")],
    image: Annotated[str, typer.Option("--image", metavar="AMI", help="Image of Linux with cloud-init: ami-...")],
    kind: Annotated[str, typer.Option("--type", metavar="TYPE", help="Type of the instances.")] = "c7i.large",
    key: Annotated[
        str, typer.Option("--key", metavar="FILE|NAME", help="Private key, or key pair (default: a new one).")
    ] = "",
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="User to log in as.")] = "ubuntu",
    subnet: Annotated[
        str, typer.Option("--subnet", metavar="ID", help="Subnet (default: one of the default network).")
    ] = "",
    allow_from: Annotated[
        str,
        typer.Option(
            "--allow-from", metavar="CIDR", help="Addresses that may reach every port (default: all reach ssh only)."
        ),
    ] = "",
    spot: Annotated[bool, typer.Option("--spot", help="Use spot instances: cheaper, but may be taken away.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    wait: Annotated[
        str, typer.Option("--wait", metavar="TIME", help="How long to wait until they are reachable; 0: do not wait.")
    ] = "5m",
    name: Name = DEFAULT,
) -> int:
    """Make bees on EC2 until there are N. Those that exist count.

    AWS credentials are taken as the AWS command takes them. Everything made has a tag, and `down` ends exactly that.
    """
    from malaria.swarm.hosts.cloud import Cloud, InstanceRequest
    from malaria.swarm.hosts.cloud_swarm import make_bees
    from malaria.units import parse_duration_ns

    wait_s = parse_duration_ns(wait) / 1e9
    request = InstanceRequest(name, count, region, image, kind, key, user, subnet, spot, allow_from)
    cloud = Cloud(name, region)
    # so the command can be repeated after it was cut short
    existing = len(cloud.instances())
    missing = max(0, count - existing)
    say(f"swarm {name}: {count_bees(existing)} exist in {region}, {count_bees(missing)} to make")
    if missing:
        say(f"{missing} x {kind} in {region}{', spot' if spot else ''}: Amazon charges for them until they are ended")
        _confirm(yes=yes)
    swarm = make_bees(cloud, request, wait_s)
    say(f"swarm {name}: {count_bees(len(swarm.hosts))} in all; end them with: malaria swarm down --swarm {name}")
    return _wait_reachable(swarm, wait_s) if wait_s else 0


def _wait_reachable(swarm: Swarm, wait_s: float) -> int:
    from malaria.swarm.hosts.reachable import wait_reachable

    results = wait_for(wait_reachable([bee for bee in swarm.hosts if bee.of_cloud], wait_s))
    failed = [result for result in results if result.failed]
    for result in failed:
        say(f"  FAIL  {result.host}: {result.error}")
    return exit_code([result.host for result in failed])


def _confirm(*, yes: bool) -> None:
    from malaria.errors import SwarmError

    if yes:
        return
    # money is spent only after a yes
    if not sys.stdin.isatty():
        raise SwarmError("there is no terminal to ask for confirmation", "give --yes")
    typer.confirm("Make them?", abort=True)
