"""`malaria swarm`: the hosts that make load together; where they come from, and what is done with them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from malaria.cli.attack_screen import console, write_json

if TYPE_CHECKING:
    from rich.table import Table

    from malaria.swarm.hosts.cloud import InstanceRequest
    from malaria.swarm.hosts.each_host import HostResult
    from malaria.swarm.hosts.inventory import BeeHost, Swarm
    from malaria.swarm.hosts.status import BeeStatus, Room

SWARM_VARIABLE: Final = "MALARIA_SWARM"
DEFAULT: Final = "bees"
SOME_FAILED: Final = 1
UNKNOWN: Final = "-"
NUMBERS: Final = frozenset({"cores", "memory", "files", "ports", "clients"})
WIDTH: Final = 120
"""Of a table that no terminal is to hold."""
HELP: Final = "Many hosts that make load together: where they come from, and what is done with them. See docs/swarm.md."
EXAMPLES: Final = (
    "malaria swarm add karl@10.0.0.3 karl@10.0.0.4",
    "malaria swarm up 20 --region us-east-1 --image ami-0123456789abcdef0 --type c7i.large",
    "malaria swarm prepare; malaria swarm deploy; malaria swarm share-keys malaria.psk",
    "malaria swarm status",
    "malaria attack mqtts://broker -w meters.toml --swarm bees",
    "malaria swarm abort; malaria swarm down",
)

Name = Annotated[
    str, typer.Option("--swarm", metavar="NAME", help="Which swarm.", envvar=SWARM_VARIABLE, show_envvar=False)
]
Chosen = Annotated[
    list[str] | None, typer.Option("--bee", metavar="NAME", help="Only this bee; may come again.", show_default=False)
]

swarm_app = typer.Typer(
    help=HELP,
    epilog="\n\n".join(EXAMPLES),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@swarm_app.command()
def add(
    addresses: Annotated[
        list[str] | None, typer.Argument(metavar="[USER@HOST[:PORT]]...", help="Hosts.", show_default=False)
    ] = None,
    inventory: Annotated[
        Path | None,
        typer.Option("--inventory", metavar="FILE", help="user@host:port lines, or TOML tables.", show_default=False),
    ] = None,
    jump: Annotated[str, typer.Option("--jump", metavar="HOST", help="Reached through it.", show_default=False)] = "",
    key: Annotated[
        str, typer.Option("--key", metavar="FILE", help="Private key, beside the agent's.", show_default=False)
    ] = "",
    directory: Annotated[str, typer.Option("--directory", metavar="DIR", help="Of ours, on each.")] = "~/.malaria",
    ssh_config: Annotated[
        str, typer.Option("--ssh-config", metavar="FILE", help="In place of ~/.ssh/config.", show_default=False)
    ] = "",
    name: Name = DEFAULT,
) -> int:
    """Add hosts that are reached by ssh, from the command line or from a file.

    Host keys are checked with known_hosts: ssh to a new host by hand once.
    """
    from malaria.errors import SwarmError
    from malaria.swarm.hosts.inventory import inventory_from, table_of
    from malaria.swarm.hosts.state import changing

    tables = [table_of(address) for address in addresses or ()]
    if inventory is not None:
        tables += inventory_from(inventory.read_text(), str(inventory))
    if not tables:
        raise SwarmError("no host is named", "malaria swarm add user@host, or --inventory FILE")
    common = {"jump": jump, "key": key, "directory": directory, "ssh_config": ssh_config}
    stated = {option: value for option, value in common.items() if value}
    with changing(name) as draft:
        draft.swarm = draft.swarm.with_more([stated | table for table in tables])
        count = len(draft.swarm.hosts)
    _say(f"swarm {name}: {_bees(len(tables))} added, {_bees(count)} in all; next: malaria swarm prepare, then deploy")
    return 0


@swarm_app.command()
def up(
    count: Annotated[int, typer.Argument(metavar="N", help="How many bees in all.", min=1, max=1000)],
    region: Annotated[str, typer.Option("--region", metavar="NAME", help="Such as us-east-1.")],
    image: Annotated[str, typer.Option("--image", metavar="AMI", help="Of Linux with cloud-init: ami-...")],
    kind: Annotated[str, typer.Option("--type", metavar="TYPE", help="Of instance.")] = "c7i.large",
    key: Annotated[
        str, typer.Option("--key", metavar="FILE|NAME", help="Private key, or key pair; else one is made.")
    ] = "",
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Whom the image lets in.")] = "ubuntu",
    subnet: Annotated[str, typer.Option("--subnet", metavar="ID", help="Else one of the default network.")] = "",
    allow_from: Annotated[
        str, typer.Option("--allow-from", metavar="CIDR", help="Who reaches all ports; else everybody ssh alone.")
    ] = "",
    spot: Annotated[bool, typer.Option("--spot", help="Cheaper, and may be taken away.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask about the cost.")] = False,
    wait: Annotated[str, typer.Option("--wait", metavar="TIME", help="For them to be reachable; 0: do not.")] = "5m",
    name: Name = DEFAULT,
) -> int:
    """Make bees on EC2 until there are N, after saying what they cost. Those that are there count.

    AWS credentials are taken as the AWS command takes them. Everything made has a tag, and `down` ends exactly that.
    """
    from malaria.swarm.hosts.cloud import Cloud, InstanceRequest
    from malaria.swarm.hosts.cost import estimate
    from malaria.units import parse_duration_ns

    wait_s = parse_duration_ns(wait) / 1e9
    wish = InstanceRequest(name, count, region, image, kind, key, user, subnet, spot, allow_from)
    cloud = Cloud(name, region)
    there = len(cloud.instances())
    lacking = max(0, count - there)
    _say(f"swarm {name}: {_bees(there)} there in {region}, {_bees(lacking)} to make")
    if lacking:
        _say(str(estimate(lacking, kind, region, spot=spot)))
        _consent(yes=yes)
    swarm = _made(cloud, wish, wait_s)
    _say(f"swarm {name}: {_bees(len(swarm.hosts))} in all; ended by: malaria swarm down --swarm {name}")
    return _until_reachable(swarm, wait_s) if wait_s else 0


@swarm_app.command()
def prepare(
    chosen: Chosen = None,
    script: Annotated[bool, typer.Option("--script", help="Only show the script, to run it by hand as root.")] = False,
    packages: Annotated[
        bool, typer.Option("--packages/--no-packages", help="Install Python and tar if missing.")
    ] = True,
    etc: Annotated[str, typer.Option("--etc", metavar="DIR", hidden=True)] = "/etc",
    name: Name = DEFAULT,
) -> int:
    """Ready the hosts for load: open files, local ports, accept queue. Needs root there, or sudo without a password."""
    from malaria.swarm.hosts.prepare import PREPARE, Manner
    from malaria.swarm.hosts.prepare import prepare as ready

    if script:
        print(PREPARE, end="")
        return 0

    def words(done: Any) -> str:
        sentences = [*done.changed, *(f"LACKING {sentence}" for sentence in done.lacking)]
        return "; ".join(sentences) or "all was well already"

    hosts = _hosts(name, chosen)
    return _each(hosts, words, lambda tell: ready(hosts, tell, Manner(etc, packages)))


@swarm_app.command()
def deploy(chosen: Chosen = None, name: Name = DEFAULT) -> int:
    """Bring this version of malaria, with its Python if need be, to the hosts. They need no internet."""
    from malaria.swarm.hosts.deploy import Delivery
    from malaria.swarm.hosts.deploy import deploy as bring
    from malaria.units import format_bytes

    def words(done: Delivery) -> str:
        what = f"malaria {done.version} on Python {done.python}"
        return f"{what}, {format_bytes(done.sent_bytes)} sent" if done.fresh else f"{what} is there already"

    hosts = _hosts(name, chosen)
    return _each(hosts, words, lambda tell: bring(hosts, tell))


@swarm_app.command("share-keys")
def share_keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Of pre-shared keys, or of users.", show_default=False)],
    warhead: Annotated[
        Path | None,
        typer.Option("-w", "--warhead", metavar="FILE", help="Whose groups begin at a first_key.", show_default=False),
    ] = None,
    name: Name = DEFAULT,
) -> int:
    """Give each bee its part of a file of keys, and no other: exactly the lines of its own clients, 0600."""
    from malaria.model.key_part import KeyPart
    from malaria.model.warhead import load_warhead
    from malaria.swarm.hosts.key_shares import read_key_file, turns_of
    from malaria.swarm.hosts.key_shares import share_keys as share

    starts = (0,) if warhead is None else turns_of(load_warhead(warhead), file)
    keys = read_key_file(file)
    hosts = _hosts(name, None)

    def words(part: KeyPart) -> str:
        return f"part {part.number + 1} of {part.parts}: {part.count:,} of {part.lines:,} lines"

    return _each(hosts, words, lambda tell: share(hosts, keys, starts, tell))


@swarm_app.command()
def status(
    chosen: Chosen = None,
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write it as JSON; - is stdout.", show_default=False)
    ] = None,
    name: Name = DEFAULT,
) -> int:
    """Show each bee: reachable, what is deployed, limits, keys; and how many clients this swarm can make."""
    from malaria.swarm.hosts.status import ask_status, room_of, room_of_swarm

    outcomes = _wait_for(ask_status(_hosts(name, chosen)))
    rooms = {
        outcome.host.name: room
        for outcome in outcomes
        if outcome.value is not None
        and (room := room_of(outcome.value, len(outcome.host.source_addresses))) is not None
    }
    failed = any(outcome.failed for outcome in outcomes)
    if json is not None:
        write_json([_facts(outcome, rooms) for outcome in outcomes], json)
        return SOME_FAILED if failed else 0
    screen = console(json)
    screen.width = screen.width if screen.is_terminal else WIDTH
    screen.print(_table(outcomes, rooms))
    _tell_more(outcomes)
    if (whole := room_of_swarm(rooms)) is not None:
        clients, bee, room = whole
        screen.print(
            f"\nthis swarm can make {clients:,} clients: {bee} would be the first to run out of {room.limit}",
            highlight=False,
        )
    return SOME_FAILED if failed else 0


@swarm_app.command()
def abort(chosen: Chosen = None, name: Name = DEFAULT) -> int:
    """Stop all load at once, on every bee. An attack or a campaign that this host conducts ends, and reports."""
    from malaria.swarm.hosts.conductor_lock import tell_conductors
    from malaria.swarm.hosts.teardown import abort as stop

    hosts = _hosts(name, chosen)
    if not chosen and tell_conductors(name):
        print("  what this host conducts with the swarm was told to stop, and reports")
    return _each(
        hosts, lambda ended: f"{ended} processes ended" if ended else "made no load", lambda tell: stop(hosts, tell)
    )


@swarm_app.command()
def down(
    region: Annotated[
        str, typer.Option("--region", metavar="NAME", help="Of instances that no file knows any more.")
    ] = "",
    name: Name = DEFAULT,
) -> int:
    """End the instances that we made, clean the hosts that were added, and forget the swarm.

    A host that fails stays in the swarm. Only a directory of ours is removed, and only instances with our tag end.
    """
    from malaria.swarm.hosts.inventory import Swarm
    from malaria.swarm.hosts.state import changing, forget_swarm, load_swarm, state_file
    from malaria.swarm.hosts.teardown import clear_away

    swarm = load_swarm(name) if state_file(name).exists() or not region else Swarm(name=name)
    failed = 0
    with changing(name) as draft:
        if where := region or swarm.region:
            _end_instances(name, where)
        by_ssh = [bee for bee in swarm.hosts if not bee.of_cloud]
        left: list[BeeHost] = []
        failed = _each(by_ssh, lambda _: "nothing of ours is left there", lambda tell: clear_away(by_ssh, tell), left)
        draft.swarm = Swarm(name=name).with_hosts(left)
    if not failed:
        forget_swarm(name)
        _say(f"swarm {name} is no more")
    return failed


def _end_instances(name: str, region: str) -> None:
    from malaria.swarm.hosts.cloud import Cloud, forget_keys

    cloud = Cloud(name, region)
    ended = cloud.end()
    _say(f"{region}: {len(ended)} instances ended{': ' + ', '.join(ended) if ended else ''}")
    if not cloud.remove_group():
        _say(f"{region}: the security group is still in use; malaria swarm down again removes it")
    forget_keys(name)


def _made(cloud: Any, wish: InstanceRequest, wait_s: float) -> Swarm:
    """Makes what lacks, and keeps what there is before anything else can fail."""
    from malaria.swarm.hosts.cloud import bees_of, key_file, merged
    from malaria.swarm.hosts.state import changing

    own = "" if wish.key and not Path(wish.key).expanduser().exists() else str(key_file(wish.swarm, wish.key))
    with changing(wish.swarm) as draft:
        draft.swarm = draft.swarm.model_copy(update={"region": wish.region})
        draft.keep()
        cloud.make(wish)
        instances = cloud.wait(wait_s) if wait_s else cloud.instances()
        tables = merged(draft.swarm.hosts, bees_of(instances, wish.region, wish.user, own))
        kept = [bee for bee in tables if not isinstance(bee, dict)]
        new = [bee for bee in tables if isinstance(bee, dict)]
        draft.swarm = draft.swarm.with_hosts(kept).with_more(new)
        return draft.swarm


def _until_reachable(swarm: Swarm, wait_s: float) -> int:
    """sshd is up some time after the instance is."""
    import time

    from malaria.ssh.connection import run
    from malaria.swarm.hosts.each_host import on_each

    hosts = [bee for bee in swarm.hosts if bee.of_cloud]
    end = time.monotonic() + wait_s
    while True:
        outcomes = _wait_for(on_each(hosts, lambda _, connection: run(connection, ":")))
        failed = [outcome for outcome in outcomes if outcome.failed]
        if not failed or time.monotonic() > end:
            break
        time.sleep(3)
    for outcome in failed:
        _say(f"  FAIL  {outcome.host}: {outcome.error}")
    return SOME_FAILED if failed else 0


def _consent(*, yes: bool) -> None:
    from malaria.errors import SwarmError

    if yes:
        return
    if not sys.stdin.isatty():
        raise SwarmError("nobody is there to be asked whether that is all right", "give --yes")
    typer.confirm("Make them?", abort=True)


def _hosts(name: str, chosen: Sequence[str] | None) -> tuple[BeeHost, ...]:
    from malaria.errors import SwarmError
    from malaria.swarm.hosts.state import load_swarm

    hosts = load_swarm(name).chosen(chosen or ())
    if not hosts:
        raise SwarmError(f"swarm {name} has no bees", "malaria swarm add user@host")
    return hosts


def _each[T](
    hosts: Sequence[BeeHost],
    words: Callable[[T], str],
    work: Callable[[Callable[[HostResult[T]], None]], Coroutine[Any, Any, list[HostResult[T]]]],
    left: list[BeeHost] | None = None,
) -> int:
    """Works on all hosts, with a line for each as it is done; 0, or 1 when one failed. `left`: those that did."""
    width = max((len(host.name) for host in hosts), default=0)
    done = 0

    def tell(outcome: HostResult[T]) -> None:
        nonlocal done
        done += 1
        said = outcome.error if outcome.value is None and outcome.failed else words(outcome.value)  # type: ignore[arg-type]
        place = "" if not outcome.failed else f" ({outcome.host.destination})"
        mark = "FAIL" if outcome.failed else "ok"
        _say(f"  {done:>{len(str(len(hosts)))}}/{len(hosts)}  {mark:<4}  {outcome.host.name:<{width}}{place}  {said}")
        if outcome.failed and outcome.remedy:
            _say(f"{'':>{2 * len(str(len(hosts))) + 5}}  {outcome.remedy}")

    outcomes = _wait_for(work(tell))
    failed = [outcome.host for outcome in outcomes if outcome.failed]
    if left is not None:
        left += failed
    return SOME_FAILED if failed else 0


def _table(outcomes: Sequence[HostResult[BeeStatus]], rooms: dict[str, Room]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for head in ("bee", "address", "malaria", "Python", "cores", "memory", "files", "ports", "keys", "clients"):
        table.add_column(head, overflow="fold", justify="right" if head in NUMBERS else "left")
    for outcome in outcomes:
        cells = [outcome.host.name, str(outcome.host.destination), *_cells(outcome.value, rooms.get(outcome.host.name))]
        table.add_row(*(Text(cell, style="red" if outcome.failed else "") for cell in cells))
    return table


def _cells(standing: BeeStatus | None, room: Room | None) -> list[str]:
    if standing is None:
        return ["not reached"]
    from malaria.units import format_bytes, format_count

    def count(value: int | None) -> str:
        return UNKNOWN if value is None else format_count(value)

    deployed = standing.deployed
    memory = UNKNOWN if standing.free_bytes is None else format_bytes(standing.free_bytes)
    keys = " ".join(f"{part.number + 1}/{part.parts}" for part in standing.parts) or UNKNOWN
    return [
        deployed.version if deployed else "none",
        deployed.python if deployed else UNKNOWN,
        count(standing.cores),
        memory,
        count(standing.open_files),
        count(standing.ports),
        keys,
        format_count(room.clients) if room else UNKNOWN,
    ]


def _tell_more(outcomes: Sequence[HostResult[BeeStatus]]) -> None:
    """What has no room in the table."""
    for outcome in outcomes:
        if outcome.failed:
            _say(f"{outcome.host}: {outcome.error}" + (f"; {outcome.remedy}" if outcome.remedy else ""))
        elif outcome.value is not None and outcome.value.running:
            _say(f"{outcome.host.name} makes load now (process {outcome.value.running})")
    digests = {outcome.value.deployed.digest for outcome in outcomes if outcome.value and outcome.value.deployed}
    if len(digests) > 1:
        _say("the bees do not all have the same malaria: malaria swarm deploy")


def _facts(outcome: HostResult[BeeStatus], rooms: dict[str, Room]) -> dict[str, Any]:
    from dataclasses import asdict

    standing = None if outcome.value is None else asdict(outcome.value)
    room = rooms.get(outcome.host.name)
    return {
        "bee": outcome.host.name,
        "address": str(outcome.host.destination),
        "error": outcome.error or None,
        "standing": standing,
        "clients": None if room is None else room.clients,
        "limit": None if room is None else room.limit,
    }


def _wait_for[T](work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(work)


def _bees(count: int) -> str:
    return f"{count:,} bee{'' if count == 1 else 's'}"


def _say(text: str) -> None:
    print(text, flush=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(swarm_app, name="swarm", short_help="many hosts that make load together")
