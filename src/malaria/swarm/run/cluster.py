"""The Dask cluster of one run, from the conductor's side: its own scheduler or one that runs already, and the bees.

Everything here is a coroutine of the swarm's event loop. Promises: a bee is set up once, on its own host.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Callable, Sequence
from typing import Any, Final

import dask
from distributed import Client, Scheduler, Security

from malaria.errors import SwarmError
from malaria.swarm.run.bee_actor import REPORT_BATCH, BeeActor, topic_of
from malaria.swarm.run.bee_messages import Assigned, Assignment, Command, Joined, ReportBatch
from malaria.swarm.run.certificates import RunCertificates
from malaria.swarm.run.dask_settings import NO_PAGES, SETTINGS, quieten, security_of
from malaria.swarm.run.launcher import LaunchedBee

LOOK_S: Final = 0.05
GOODBYE_S: Final = 5.0


class ActorProxy:
    """Call one bee's actor. Its methods raise what the bee raised; OSError or RuntimeError when the bee is gone."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def join(self, clock_key: bytes) -> Joined:
        return await self._actor.join(clock_key)  # type: ignore[no-any-return]

    async def assign(self, assignment: Assignment) -> Assigned:
        return await self._actor.assign(assignment)  # type: ignore[no-any-return]

    async def execute(self, command: Command) -> int:
        return await self._actor.execute(command)  # type: ignore[no-any-return]

    async def forget(self) -> None:
        await self._actor.forget()


class Cluster:
    """The connection of one run to its bees."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._scheduler: Scheduler | None = None
        self._client: Client | None = None
        quieten(logging.CRITICAL)

    async def open_own(self, port: int, certificates: RunCertificates) -> int:
        """Start a scheduler in this process, at every address of this host; return its port.

        A connection without a certificate of this run is refused before anything is read from it.
        """
        dask.config.set(SETTINGS)
        security = security_of(certificates)
        self._scheduler = await Scheduler(
            port=port,
            protocol="tls",
            security=security,
            dashboard=False,
            dashboard_address=NO_PAGES,
        )
        listening = int(self._scheduler.port)
        await self._connect(f"tls://127.0.0.1:{listening}", security)
        return listening

    async def open_running(self, address: str) -> None:
        """Connect to a scheduler that runs already; Dask's own configuration names the TLS files. Raises SwarmError."""
        if not address.startswith("tls://"):
            raise SwarmError(f"--scheduler {address} is not encrypted", "write tls://HOST:PORT")
        security = Security(require_encryption=True)
        if not security.get_connection_args("client").get("ssl_context"):
            settings = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, and __CLIENT__CERT and __CLIENT__KEY"
            remedy = f"set {settings}, see `malaria docs swarm`"
            raise SwarmError("Dask's settings name no TLS files for its clients", remedy)
        try:
            await self._connect(address, security)
        except (OSError, TimeoutError) as error:
            remedy = "check that it is up, and that its certificates have the authority of Dask's settings"
            raise SwarmError(f"no scheduler at {address}: {error}", remedy) from None

    async def _connect(self, address: str, security: Security) -> None:
        self._client = await Client(address, security=security, asynchronous=True, direct_to_workers=False)

    def listen(self, on_batch: Callable[[ReportBatch], None]) -> None:
        """Call `on_batch` with every batch of the bees, on the event loop."""

        def on_event(event: tuple[float, dict[str, bytes]]) -> None:
            on_batch(pickle.loads(event[1][REPORT_BATCH]))

        self._the_client.subscribe_topic(topic_of(self._run), on_event)

    async def workers(self) -> dict[str, str]:
        """Return the workers that are there: name -> address."""
        scheduler: Any = self._the_client.scheduler
        identity = await scheduler.identity(n_workers=-1)
        return {str(worker["name"]): address for address, worker in identity["workers"].items()}

    async def wait_for(self, names: Sequence[str], timeout_s: float) -> list[str]:
        """Wait until all workers are there; return those that are missing when the time is over."""
        missing = list(names)
        end_s = asyncio.get_running_loop().time() + timeout_s
        while missing and asyncio.get_running_loop().time() < end_s:
            await asyncio.sleep(LOOK_S)
            there = await self.workers()
            missing = [name for name in names if name not in there]
        return missing

    async def start_actor(self, bee: LaunchedBee) -> ActorProxy:
        """Start the actor of a bee on its own worker."""
        address = (await self.workers())[bee.name]
        # a load must never be made twice: the actor runs on this worker or not at all, and once
        future = self._the_client.submit(
            BeeActor,
            bee.name,
            self._run,
            bee.directory,
            actor=True,
            workers=[address],
            allow_other_workers=False,
            retries=0,
            pure=False,
            key=f"malaria-{self._run}-{bee.name}",
        )
        return ActorProxy(await future)

    async def close(self, *, dismiss: bool) -> None:
        """Disconnect, after ending the workers with `dismiss`. A scheduler of this process ends, too."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                if dismiss and self._scheduler is not None:
                    await asyncio.gather(*(self._scheduler.remove_worker(address, stimulus_id="over", close=True)
                                           for address in list(self._scheduler.workers)))  # fmt: skip
                if self._client is not None:
                    await self._client.close()
                if self._scheduler is not None:
                    await self._scheduler.close()
        except (OSError, TimeoutError):
            pass  # a worker that cannot be reached ends by itself

    @property
    def _the_client(self) -> Client:
        assert self._client is not None
        return self._client
