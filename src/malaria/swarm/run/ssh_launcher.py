"""Bees on the hosts of a swarm, started over ssh: the Python that was deployed there, in the bee's own directory.

The ssh connection ends as soon as the bee runs. From then on the bee speaks to the conductor's port over TLS, with the
certificate that it got on its standard input.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from malaria.errors import SwarmError
from malaria.ssh.connection import run
from malaria.ssh.remote_files import read_file
from malaria.swarm.hosts.bee_files import sftp_path, shell_path
from malaria.swarm.hosts.bee_layout import PYTHON, SPOOL
from malaria.swarm.hosts.each_host import HostResult, on_each
from malaria.swarm.hosts.inventory import BeeHost, Swarm
from malaria.swarm.hosts.key_shares import parts_there
from malaria.swarm.run.launcher import FetchedSpools, LaunchedBee
from malaria.swarm.run.spool import spool_name
from malaria.swarm.run.version_check import own_stamp

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

    from malaria.model.key_part import KeyPart
    from malaria.swarm.run.certificates import RunCertificates

START_S: Final = 90.0
START_EACH_S: Final = 5.0
"""More for each bee: where many share a processor, Python and Dask take so long to start."""
START_AT_ONCE: Final = 200
"""Each connection only waits for its bee to join."""
START: Final = """\
cd {directory} 2>/dev/null || {{ echo "nothing is deployed there" >&2; exit 1; }}
[ -x {python} ] || {{ echo "nothing is deployed there" >&2; exit 1; }}
{python} -m malaria.swarm.run.bee_process "$(pwd -P)" && pwd -P
"""
REMEDIES: Final = (
    ("No space left on device", "free some space there"),
    ("Permission denied", "give the bee a directory that its user may write"),
    ("cannot reach the conductor", "let the bee connect to that port of this host: check firewalls and routers"),
    ("another attack", "wait until it has ended, or end it: malaria swarm abort --swarm {swarm}"),
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
    def names(self) -> tuple[str, ...]:
        return tuple(self._hosts)

    @property
    def swarm(self) -> str:
        return self._swarm.name

    async def start(self, port: int, certificates: Mapping[str, RunCertificates]) -> list[LaunchedBee]:
        return self._all(
            await on_each(self._swarm.hosts, partial(self._start, port, certificates), at_once=START_AT_ONCE)
        )

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

    def _all[T](self, results: Sequence[HostResult[T]]) -> list[T]:
        """Return the values. Raises SwarmError, which names every host that failed: a load needs all of them."""
        failed = [result for result in results if result.failed]
        if failed:
            causes = "\n".join(f"{result.host}: {result.error}" for result in failed)
            remedies = (self._remedy(result) for result in failed)
            raise SwarmError(causes, "\n".join(dict.fromkeys(remedies)))
        return [result.value for result in results if result.value is not None]

    def _remedy(self, result: HostResult[Any]) -> str:
        if result.remedy:
            return result.remedy
        remedy = next(remedy for part, remedy in REMEDIES if part in result.error)
        return remedy.format(swarm=self._swarm.name)

    async def _start(
        self,
        port: int,
        certificates: Mapping[str, RunCertificates],
        host: BeeHost,
        connection: SSHClientConnection,
    ) -> LaunchedBee:
        settings = {
            "name": host.name,
            "scheduler": f"tls://{_bracketed(connection.get_extra_info('sockname')[0])}:{port}",
            "certificates": asdict(certificates[host.name]),
            "version": own_stamp().to_table(),
        }
        self._parts[host.name] = await parts_there(host, connection)
        script = START.format(directory=shell_path(host), python=PYTHON)
        patience_s = START_S + START_EACH_S * len(self._hosts)
        directory = (await run(connection, script, json.dumps(settings), patience_s)).strip()
        return LaunchedBee(host.name, directory)


async def _fetch_spool(run_name: str, host: BeeHost, connection: SSHClientConnection) -> bytes | None:
    return await read_file(connection, sftp_path(host, SPOOL, spool_name(run_name, host.name)))


async def _remove_spool(run_name: str, host: BeeHost, connection: SSHClientConnection) -> None:
    await run(connection, f"rm -f {shell_path(host, SPOOL, spool_name(run_name, host.name))}")


def _bracketed(address: str) -> str:
    """Return an address as it stands in a URL."""
    return f"[{address}]" if ":" in address else address
