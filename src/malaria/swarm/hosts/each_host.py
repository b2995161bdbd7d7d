"""Work on many bees at the same time, each over its own ssh connection; one that fails does not stop the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from malaria.errors import OperatorError
from malaria.ssh.connection import connect
from malaria.ssh.ssh_failures import explain_failure
from malaria.swarm.hosts.holding import BeeHeldError
from malaria.swarm.hosts.inventory import BeeHost

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

AT_ONCE: Final = 32
"""How many hosts are worked on at the same time."""


@dataclass(frozen=True, slots=True)
class HostResult[T]:
    """The result of one host: `value`, or `error` (without the host's name) and `remedy`."""

    host: BeeHost
    value: T | None = None
    error: str = ""
    remedy: str = ""
    held: bool = False  # it failed because another person's load is on it

    @property
    def failed(self) -> bool:
        return bool(self.error)


async def for_each[T](
    hosts: Sequence[BeeHost],
    work: Callable[[BeeHost], Awaitable[T]],
    report: Callable[[HostResult[T]], None] | None = None,
    at_once: int = AT_ONCE,
) -> list[HostResult[T]]:
    """Do `work` on every host, `at_once` of them at a time; return the results in the order of the hosts.

    `report` is called with each result as soon as it is there. A host that fails (OperatorError, or an exception of ssh
    or the system) has its error in its result; any other exception is a bug, and is raised when all hosts are done.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(host: BeeHost) -> HostResult[T]:
        async with gate:
            result = await _attempt(host, work)
        if report is not None:
            report(result)
        return result

    # every host is to be done before a bug in the work on one is raised
    done = await asyncio.gather(*(one(host) for host in hosts), return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return [result for result in done if isinstance(result, HostResult)]


async def on_each[T](
    hosts: Sequence[BeeHost],
    work: Callable[[BeeHost, SSHClientConnection], Awaitable[T]],
    report: Callable[[HostResult[T]], None] | None = None,
    at_once: int = AT_ONCE,
) -> list[HostResult[T]]:
    """Do `work` on every host, as `for_each` does, over a new connection to each."""

    async def connected(host: BeeHost) -> T:
        async with connect(host.destination) as connection:
            return await work(host, connection)

    return await for_each(hosts, connected, report, at_once)


async def _attempt[T](host: BeeHost, work: Callable[[BeeHost], Awaitable[T]]) -> HostResult[T]:
    try:
        return HostResult(host, await work(host))
    except OperatorError as error:
        return HostResult(host, error=error.message, remedy=error.remedy, held=isinstance(error, BeeHeldError))
    except Exception as error:
        if (failure := explain_failure(error)) is None:
            raise
        return HostResult(host, error=failure.message, remedy=failure.remedy)
