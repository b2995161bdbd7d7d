"""Bees on the hosts of a swarm, started over ssh: the Python that was deployed there, in the bee's own directory.

The ssh connection ends as soon as the bee has joined. From then on the bee speaks to the conductor's port over TLS,
with the certificate that it got on its standard input.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from malaria.errors import SwarmError
from malaria.ssh.connection import run
from malaria.ssh.remote_files import read_file
from malaria.ssh.ssh_failures import one_line
from malaria.swarm.hosts.bee_files import sftp_path, shell_path
from malaria.swarm.hosts.bee_layout import LOG_FILE, PYTHON, SPOOL
from malaria.swarm.hosts.each_host import HostResult, on_each
from malaria.swarm.hosts.holding import Holder, holder_now
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from malaria.swarm.hosts.key_shares import parts_there
from malaria.swarm.run.launcher import FetchedSpools
from malaria.swarm.run.spool import spool_name
from malaria.swarm.run.version_check import own_stamp

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

    from malaria.model.key_part import KeyPart
    from malaria.swarm.run.certificates import RunCertificates

START_S: Final = 90.0
START_EACH_S: Final = 5.0
"""More for each bee: where many share a processor, Python takes so long to start."""
OTHERS_S: Final = 2.0
"""How long other bees are waited for once one has failed to start."""
START_AT_ONCE: Final = 200
"""Each connection only waits for its bee to join."""
START: Final = """\
cd {directory} 2>/dev/null || {{ echo "nothing is deployed there" >&2; exit 1; }}
[ -x {python} ] || {{ echo "nothing is deployed there" >&2; exit 1; }}
exec {python} -m malaria.swarm.run.bee_process "$(pwd -P)"
"""
REMEDIES: Final = (
    ("No space left on device", "free some space there"),
    ("Permission denied", "give the bee a directory that its user may write"),
    ("its clock says", "set its clock, or start its time service, such as systemd-timesyncd"),
    ("cannot reach the conductor", "let the bee connect to that port of this host: check firewalls and routers"),
    (
        "in use by",
        "wait until it has ended, or ask; to end it all the same: malaria swarm abort --force --swarm {swarm}",
    ),
    ("the same host and directory", "take one of the two out: malaria swarm remove NAME --swarm {swarm}"),
    ("", "run: malaria swarm deploy --swarm {swarm}"),
)
"""Part of an error -> its remedy. The first that fits is taken."""


class SshLauncher:
    """The hosts of one swarm."""

    scheduler: Final = ""

    def __init__(self, swarm: Swarm, workers: int | None = None, port: int = 0) -> None:
        """Take the hosts of a swarm. Raises SwarmError for a swarm without bees."""
        if not swarm.hosts:
            raise SwarmError(f"swarm {swarm.name} has no bees", "add some: malaria swarm add user@host")
        self.workers = workers
        self.port = port
        self._swarm = swarm
        self._hosts = {host.name: host for host in swarm.hosts}
        self._parts: dict[str, tuple[KeyPart, ...]] = {}

    @property
    def swarm(self) -> str:
        return self._swarm.name

    async def find(self) -> tuple[str, ...]:
        return tuple(self._hosts)

    async def start(self, port: int, certificates: Mapping[str, RunCertificates], command: str) -> None:
        """Start a bee on each host. Raises SwarmError `OTHERS_S` after the first failure, which names all by then."""
        failed: list[HostResult[None]] = []
        first = asyncio.Event()

        def note(result: HostResult[None]) -> None:
            if result.failed:
                failed.append(result)
                first.set()

        work = partial(self._start, port, certificates, holder_now(command))
        starting = asyncio.ensure_future(on_each(self._swarm.hosts, work, note, START_AT_ONCE))
        waiting = asyncio.ensure_future(first.wait())
        try:
            await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
            # a load needs all of them: what is wrong is said soon, with what else is wrong by then
            await asyncio.wait([starting], timeout=OTHERS_S if failed else 0)
            if not failed:
                await asyncio.wait([starting])
        finally:  # also when the attack ends before the last ssh connection is closed
            waiting.cancel()
            starting.cancel()
            await asyncio.wait([starting])
        if failed:
            raise self._failure(failed)
        await starting

    def parts_of(self, name: str) -> tuple[KeyPart, ...]:
        """Return the parts of files of keys that a bee had when its process was started."""
        return self._parts.get(name, ())

    def sources_of(self, name: str) -> tuple[str, ...]:
        return self._hosts[name].source_addresses

    async def fetch_spools(self, names: Sequence[str], run_name: str) -> FetchedSpools:
        fetched = await on_each([self._hosts[name] for name in names], partial(_fetch_spool, run_name))
        files = {result.host.name: result.value for result in fetched if result.value is not None}
        return FetchedSpools(files, {result.host.name: result.error for result in fetched if result.failed})

    async def remove_spools(self, names: Sequence[str], run_name: str) -> None:
        await on_each([self._hosts[name] for name in names], partial(_remove_spool, run_name))

    async def end(self) -> None:
        """Do nothing: no ssh connection is left open."""

    async def last_words(self, name: str) -> str:
        (result,) = await on_each([self._hosts[name]], _last_line)
        return result.value or ""

    def _failure(self, failed: Sequence[HostResult[None]]) -> SwarmError:
        """Return the error that names every host that failed."""
        causes = "\n".join(f"{result.host}: {result.error}" for result in failed)
        remedies = (self._remedy(result) for result in failed)
        return SwarmError(causes, "\n".join(dict.fromkeys(remedies)))

    def _remedy(self, result: HostResult[Any]) -> str:
        if result.remedy:
            return result.remedy
        remedy = next(remedy for part, remedy in REMEDIES if part in result.error)
        return remedy.format(swarm=self._swarm.name)

    async def _start(
        self,
        port: int,
        certificates: Mapping[str, RunCertificates],
        holder: Holder,
        host: BeeHost,
        connection: SSHClientConnection,
    ) -> None:
        settings = {
            "name": host.name,
            "host": connection.get_extra_info("sockname")[0],
            "port": port,
            "certificates": asdict(certificates[host.name]),
            "version": own_stamp().to_table(),
            "holder": asdict(holder),
        }
        self._parts[host.name] = await parts_there(host, connection)
        script = START.format(directory=shell_path(host), python=PYTHON)
        patience_s = START_S + START_EACH_S * len(self._hosts)
        await run(connection, script, json.dumps(settings), patience_s)


async def _fetch_spool(run_name: str, host: BeeHost, connection: SSHClientConnection) -> bytes | None:
    return await read_file(connection, sftp_path(host, SPOOL, spool_name(run_name, host.name)))


async def _last_line(host: BeeHost, connection: SSHClientConnection) -> str:
    return one_line(await run(connection, f"tail -n 1 {shell_path(host, LOG_FILE)} 2>/dev/null || :"))


async def _remove_spool(run_name: str, host: BeeHost, connection: SSHClientConnection) -> None:
    await run(connection, f"rm -f {shell_path(host, SPOOL, spool_name(run_name, host.name))}")
