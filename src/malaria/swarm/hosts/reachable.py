"""Wait until hosts can be reached over ssh: sshd answers some time after an instance runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from malaria.ssh.connection import run
from malaria.swarm.hosts.each_host import HostResult, on_each
from malaria.swarm.hosts.inventory import BeeHost

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

PAUSE_S: Final = 3.0


async def wait_reachable(hosts: Sequence[BeeHost], wait_s: float) -> list[HostResult[str]]:
    """Try again until every host is reached or the time is over; return the last result of each."""
    end_s = time.monotonic() + wait_s
    while True:
        results = await on_each(hosts, _greet)
        if not any(result.failed for result in results) or time.monotonic() > end_s:
            return results
        await asyncio.sleep(PAUSE_S)


async def _greet(_: BeeHost, connection: SSHClientConnection) -> str:
    return await run(connection, ":")
