"""Shared by the subcommands of `malaria swarm`: the group, the options, and work on many bees with a line for each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from malaria.cli.output import print_line

if TYPE_CHECKING:
    from malaria.swarm.hosts.each_host import HostResult
    from malaria.swarm.hosts.inventory import BeeHost

type Results[T] = Coroutine[Any, Any, list[HostResult[T]]]

DEFAULT: Final = "bees"
SOME_FAILED: Final = 1
HELP: Final = "Make load on many hosts together, and manage these hosts. `malaria docs swarm` explains it."
EXAMPLES: Final = (
    "malaria swarm add karl@10.0.0.3 karl@10.0.0.4",
    "malaria swarm up 20 --region us-east-1 --image ami-0123456789abcdef0 --type c7i.large",
    "malaria swarm prepare; malaria swarm deploy; malaria swarm share-keys malaria.psk",
    "malaria swarm status",
    "malaria attack mqtts://broker -w meters.toml --swarm bees",
    "malaria swarm abort; malaria swarm down",
)

Name = Annotated[str, typer.Option("--swarm", metavar="NAME", help="Name of the swarm.")]
Chosen = Annotated[
    list[str] | None,
    typer.Option("--bee", metavar="NAME", help="Limit to this bee (repeatable).", show_default=False),
]
EndOthers = Annotated[bool, typer.Option("--force", help="End also the load of other people, without asking.")]

swarm_app = typer.Typer(
    help=HELP,
    epilog="\n\n".join(EXAMPLES),
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def hosts_of(name: str, chosen: Sequence[str] | None) -> tuple[BeeHost, ...]:
    """Return the chosen bees of a swarm, or all of them. Raises SwarmError if there are none."""
    from malaria.errors import SwarmError
    from malaria.swarm.hosts.state import load_swarm

    hosts = load_swarm(name).chosen(chosen or ())
    if not hosts:
        raise SwarmError(f"swarm {name} has no bees", "malaria swarm add user@host")
    return hosts


def end_on_each[T](
    hosts: Sequence[BeeHost],
    describe: Callable[[T], str],
    work: Callable[[Sequence[BeeHost], Callable[[HostResult[T]], None], bool], Results[T]],
    *,
    force: bool,
) -> list[BeeHost]:
    """Do on all hosts what ends a load there; ask before that of another person, unless `force` is set.

    `work` takes the hosts, a function to report with, and whether to end what others do. Returns the hosts that failed.
    """
    results = _results(hosts, describe, lambda report: work(hosts, report, force))
    held = [result.host for result in results if result.held]
    # without a terminal nobody can be asked, and the lines above have the remedy
    if held and at_terminal() and typer.confirm(f"Others use {count_bees(len(held))}. End their load?"):
        again = _results(held, describe, lambda report: work(held, report, True))
        results = [result for result in results if not result.held] + again
    return [result.host for result in results if result.failed]


def at_terminal() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin.isatty()


def work_on_each[T](
    hosts: Sequence[BeeHost],
    describe: Callable[[T], str],
    work: Callable[[Callable[[HostResult[T]], None]], Results[T]],
) -> list[BeeHost]:
    """Work on all hosts, and print a line for each; return the hosts that failed."""
    return [result.host for result in _results(hosts, describe, work) if result.failed]


def _results[T](
    hosts: Sequence[BeeHost],
    describe: Callable[[T], str],
    work: Callable[[Callable[[HostResult[T]], None]], Results[T]],
) -> list[HostResult[T]]:
    """Work on all hosts, and print a line for each; return the results."""
    width = max((len(host.name) for host in hosts), default=0)
    digits = len(str(len(hosts)))
    done = 0

    def report(result: HostResult[T]) -> None:
        nonlocal done
        done += 1
        # a host may fail in one part and still have something to report
        text = result.error if result.value is None and result.failed else describe(result.value)  # type: ignore[arg-type]
        # the name of a bee does not say where to look
        address = f" ({result.host.destination})" if result.failed else ""
        mark = "FAIL" if result.failed else "ok"
        say(f"  {done:>{digits}}/{len(hosts)}  {mark:<4}  {result.host.name:<{width}}{address}  {text}")
        if result.failed and result.remedy:
            say(f"{'':>{2 * digits + 5}}  {result.remedy}")

    return wait_for(work(report))


def exit_code(failed: Sequence[BeeHost]) -> int:
    return SOME_FAILED if failed else 0


def wait_for[T](work: Coroutine[Any, Any, T]) -> T:
    import asyncio  # `malaria --help` answers sooner without it

    return asyncio.run(work)


def count_bees(count: int) -> str:
    return f"{count:,} bee{'' if count == 1 else 's'}"


def say(text: str) -> None:
    print_line(text)
