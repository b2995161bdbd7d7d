"""Bees in a Dask cluster that runs already, on Kubernetes, Slurm or a cloud: each of its workers runs one as a task.

Dask starts the bees and no more: they call the conductor as any other bee does. Dask's own configuration names the TLS
files of the cluster (`distributed.comm.tls`, or DASK_DISTRIBUTED__COMM__TLS__CA_FILE and its like in the environment).
Its workers must have this version of malaria. Promises: a bee is started once, on its own worker. Does not promise to
protect the conductor from the cluster: Dask unpickles what its members send.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from distributed import Client, Security, get_worker

from malaria.errors import SwarmError
from malaria.swarm.run.certificates import RunCertificates
from malaria.swarm.run.conductor_channel import BeeSettings, run_bee
from malaria.swarm.run.launcher import FetchedSpools

if TYPE_CHECKING:
    from malaria.model.key_part import KeyPart

OUT_OF_REACH: Final = "the disks of Dask workers are out of reach"
LOGGERS: Final = ("distributed", "distributed.client", "tornado", "tornado.application")
GOODBYE_S: Final = 5.0


class DaskLauncher:
    """The workers of one scheduler, as they are when the attack begins."""

    port: Final = 0

    def __init__(self, scheduler: str, workers: int | None = None) -> None:
        self.scheduler = scheduler
        self.workers = workers
        self._client: Client | None = None
        self._addresses: dict[str, str] = {}

    @property
    def swarm(self) -> str:
        return self.scheduler

    async def find(self) -> tuple[str, ...]:
        """Connect to the scheduler, and return the names of its workers. Raises SwarmError."""
        _check(self.scheduler)
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what happens to bees is reported by the attack
        security = Security(require_encryption=True)
        try:
            self._client = await Client(self.scheduler, security=security, asynchronous=True, set_as_default=False)
        except (OSError, TimeoutError) as error:
            remedy = "check that it is up, and that its certificates have the authority of Dask's settings"
            raise SwarmError(f"no scheduler at {self.scheduler}: {error}", remedy) from None
        scheduler: Any = self._client.scheduler
        identity = await scheduler.identity(n_workers=-1)
        self._addresses = {str(worker["name"]): address for address, worker in identity["workers"].items()}
        if not self._addresses:
            raise SwarmError(f"the scheduler at {self.scheduler} has no workers", "start some, then try again")
        return tuple(sorted(self._addresses))

    async def start(self, port: int, certificates: Mapping[str, RunCertificates], command: str) -> None:
        """Run a bee on each worker. Raises SwarmError when the first of them has failed; returns when all are over."""
        assert self._client is not None
        host = own_address(self.scheduler)
        # a load must never be made twice: a bee runs on this worker or not at all, and once
        bees = {
            name: self._client.submit(
                _be_a_bee,
                name, host, port, asdict(certificates[name]),
                workers=[address], allow_other_workers=False, retries=0, pure=False,
            )
            for name, address in self._addresses.items()
        }  # fmt: skip

        async def watch(name: str) -> None:
            try:
                await bees[name]
            except Exception as error:  # of any kind: it was raised on the worker
                cause = " ".join(str(error).split())
                raise SwarmError(f"{name}: {cause}", "read the log of that Dask worker") from None

        await asyncio.gather(*map(watch, bees))

    def parts_of(self, name: str) -> tuple[KeyPart, ...]:
        return ()

    def sources_of(self, name: str) -> tuple[str, ...]:
        return ()

    async def last_words(self, name: str) -> str:
        return ""

    async def fetch_spools(self, names: Sequence[str], run_name: str) -> FetchedSpools:
        """Return nothing: the disks of Dask workers are out of reach."""
        return FetchedSpools({}, dict.fromkeys(names, OUT_OF_REACH))

    async def remove_spools(self, names: Sequence[str], run_name: str) -> None:
        return None

    async def end(self) -> None:
        """Disconnect from the scheduler, which runs on."""
        if self._client is not None:
            async with asyncio.timeout(GOODBYE_S):
                await self._client.close()


def _check(address: str) -> None:
    """Raise SwarmError for a scheduler that could be reached without encryption only."""
    if not address.startswith("tls://"):
        raise SwarmError(f"--scheduler {address} is not encrypted", "write tls://HOST:PORT")
    if not Security(require_encryption=True).get_connection_args("client").get("ssl_context"):
        settings = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, and __CLIENT__CERT and __CLIENT__KEY"
        remedy = f"set {settings}, see `malaria docs swarm`"
        raise SwarmError("Dask's settings name no TLS files for its clients", remedy)


def own_address(scheduler: str) -> str:
    """Return the address of this host from which packets to the scheduler leave."""
    parts = urlsplit(scheduler)
    family = socket.AF_INET6 if ":" in (parts.hostname or "") else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((parts.hostname, parts.port))  # sends nothing, but chooses the way
        return str(probe.getsockname()[0])


def _be_a_bee(name: str, host: str, port: int, certificates: Mapping[str, str]) -> None:
    """Be a bee until the conductor is done with it. Runs on a Dask worker, in a thread of its own."""
    worker: Any = get_worker()
    settings = BeeSettings(name, host, port, RunCertificates(**certificates))
    asyncio.run(run_bee(settings, Path(worker.local_directory).resolve() / "malaria"))
