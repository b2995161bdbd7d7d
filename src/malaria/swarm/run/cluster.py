"""The Dask cluster of one run, from the conductor's side: its own scheduler or one that runs already, and the bees.

Everything here is a coroutine of the hive's loop. Promises: a bee is set up once, on the host that it belongs to, and
never again.
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
from malaria.swarm.bee_layout import BeeLayout
from malaria.swarm.run.bee_actor import DISPATCH, BeeActor, topic_of
from malaria.swarm.run.bee_messages import Assigned, Assignment, Command, Joined, ReportBatch
from malaria.swarm.run.certificates import RunCertificates
from malaria.swarm.run.dask_settings import NO_PAGES, SETTINGS, quieten, security_of

LOOK_S: Final = 0.05
GOODBYE_S: Final = 5.0


class ActorProxy:
    """One bee's actor, called from here. Raises what the bee raised; OSError or RuntimeError when it is gone."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def join(self, clock_key: bytes) -> Joined:
        return await self._actor.join(clock_key)  # type: ignore[no-any-return]

    async def hire(self, contract: Assignment) -> Assigned:
        return await self._actor.hire(contract)  # type: ignore[no-any-return]

    async def obey(self, word: Command) -> int:
        return await self._actor.obey(word)  # type: ignore[no-any-return]

    async def forget(self) -> None:
        await self._actor.forget()


class Cluster:
    """One run's connection to its bees."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._scheduler: Scheduler | None = None
        self._client: Client | None = None
        quieten(logging.CRITICAL)

    async def open_own(self, port: int, papers: RunCertificates) -> int:
        """A scheduler in this process, at every address of this host; returns its port.

        Whoever comes without papers of this run is turned away before a word of his is read.
        """
        dask.config.set(SETTINGS)
        security = security_of(papers)
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
        """A scheduler that runs already; TLS files are named by Dask's own configuration."""
        if not address.startswith("tls://"):
            raise SwarmError(f"--scheduler {address} is not encrypted", "write tls://HOST:PORT")
        security = Security(require_encryption=True)
        if not security.get_connection_args("client").get("ssl_context"):
            remedy = "set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, and __CLIENT__CERT and __CLIENT__KEY, see docs/swarm.md"
            raise SwarmError("Dask's settings name no TLS files for its clients", remedy)
        try:
            await self._connect(address, security)
        except (OSError, TimeoutError) as error:
            remedy = "is it up, and is there a way to it? do its certificates have the same authority as ours?"
            raise SwarmError(f"no scheduler at {address}: {error}", remedy) from None

    async def _connect(self, address: str, security: Security) -> None:
        self._client = await Client(address, security=security, asynchronous=True, direct_to_workers=False)

    def listen(self, hear: Callable[[ReportBatch], None]) -> None:
        """Calls `hear` with what the bees say, on the loop."""

        def on_event(event: tuple[float, dict[str, bytes]]) -> None:
            hear(pickle.loads(event[1][DISPATCH]))

        self._the_client.subscribe_topic(topic_of(self._run), on_event)

    async def workers(self) -> dict[str, str]:
        """Address by name of everybody who is there."""
        scheduler: Any = self._the_client.scheduler
        identity = await scheduler.identity(n_workers=-1)
        return {str(worker["name"]): address for address, worker in identity["workers"].items()}

    async def wait_for(self, names: Sequence[str], timeout_s: float) -> list[str]:
        """Until all are there; returns who is not when the time is over."""
        missing = list(names)
        end_s = asyncio.get_running_loop().time() + timeout_s
        while missing and asyncio.get_running_loop().time() < end_s:
            await asyncio.sleep(LOOK_S)
            there = await self.workers()
            missing = [name for name in names if name not in there]
        return missing

    async def seat(self, place: BeeLayout) -> ActorProxy:
        """Sets a bee up."""
        address = (await self.workers())[place.name]
        future = self._the_client.submit(
            BeeActor,
            place.name,
            self._run,
            place.directory,
            actor=True,
            workers=[address],
            allow_other_workers=False,
            retries=0,
            pure=False,
            key=f"malaria-{self._run}-{place.name}",
        )
        return ActorProxy(await future)

    async def close(self, *, dismiss: bool) -> None:
        """Leaves; with `dismiss` the workers are told to end. A scheduler of ours ends, too."""
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
            pass  # who does not hear us ends by itself

    @property
    def _the_client(self) -> Client:
        assert self._client is not None
        return self._client
