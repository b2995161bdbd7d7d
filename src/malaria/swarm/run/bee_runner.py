"""A bee on its host, away from its conductor: hires workers, passes orders down, records up, and minds the silence.

Promises: every record is numbered and on the bee's disk before it is sent; a bee that hears nothing of its conductor
for `CONDUCTOR_PATIENCE_NS` ends its load as at the end of an attack, and keeps what its workers still say; one that was
never told to begin makes no load, so that being set up a second time does no harm. `send` is how it speaks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from malaria.clock import NS_PER_MS, NS_PER_S, now_ns
from malaria.control.messages import CorrectEpoch, Finish, Finished, Prepared, Report, WorkerLost
from malaria.control.standing import Standing
from malaria.errors import OperatorError
from malaria.plan.timetable import clients_planned
from malaria.swarm.run.bee_messages import Assigned, Assignment, Command, Joined, ReportBatch
from malaria.swarm.run.heartbeats import BEAT_NS, CONDUCTOR_PATIENCE_NS, START_PATIENCE_NS, Heartbeats
from malaria.swarm.run.load_bundle import LUGGAGE
from malaria.swarm.run.spool import Spool, SpooledRun
from malaria.swarm.run.timekeeping import Answerer
from malaria.transport.addresses import routes_of
from malaria.workers.host_facts import describe_host
from malaria.workers.local import Load, LocalWorkers

CONDUCTOR: Final = "conductor"
FAREWELL_NS: Final = 10 * NS_PER_S
"""How long workers may take to finish once the bee has ended its load by itself."""

type Send = Callable[[ReportBatch], None]


class BeeRunner:
    """The bee of one run on this host."""

    def __init__(self, name: str, run: str, directory: Path, host: str, send: Send) -> None:
        """`host` is our address as the conductor sees it."""
        self._name = name
        self._host = host
        self._time: Answerer | None = None
        self._run = run
        self._directory = directory
        self._send = send
        self._bee: LocalWorkers | None = None
        self._keeper: Spool | None = None
        self._sequence = 0
        self._gather_s = 0.0
        self._stopped = ""
        self._vigil = Heartbeats([CONDUCTOR], now_ns(), CONDUCTOR_PATIENCE_NS)
        self._pump = threading.Thread(target=self._pass_on, name="reports", daemon=True)
        self._closing = threading.Event()
        self._orders = threading.Lock()

    # --- what the conductor asks for -------------------------------------------------------------------------------

    def join(self, clock_key: bytes) -> Joined:
        """Says who it is, and begins to tell the time."""
        cores = os.process_cpu_count() or 1
        self._time = self._time or Answerer(self._host, clock_key, self._hear_conductor)
        return Joined(self._name, cores, str(self._directory), describe_host(), self._time.address)

    def hire(self, contract: Assignment) -> Assigned:
        """Starts the workers. Raises OperatorError for what this host cannot make."""
        if self._bee is not None:
            raise OperatorError(f"{self._name} has its share already", "this is a bug of malaria")
        clients = contract.share.count(clients_planned(contract.warhead))
        workers = contract.workers or max(1, min(os.process_cpu_count() or 1, clients))
        attack = contract.warhead.attack.model_copy(update={"source_addresses": contract.sources})
        warhead = contract.warhead.model_copy(update={"attack": attack})
        routes = routes_of(warhead, contract.targets, clients, workers)
        self._unpack(contract)
        self._gather_s = contract.gather_s
        load = Load(warhead, contract.identity, routes, contract.epoch_ns)
        self._keeper = Spool(self._directory / "kept", self._run, self._name)
        self._vigil = Heartbeats([CONDUCTOR], now_ns(), START_PATIENCE_NS)
        self._bee = LocalWorkers(load, contract.share, workers, f"{self._name}/")
        self._pump.start()
        return Assigned({worker: self._bee.share_of(worker) for worker in self._bee.workers})

    def obey(self, word: Command) -> int:
        """Passes orders on; returns this host's clock, as it was when the word came."""
        at_ns = now_ns()
        self._hear_conductor()
        with self._orders:
            if self._bee is not None and not self._stopped:
                if word.epoch_ns is not None:
                    self._bee.order(CorrectEpoch(word.epoch_ns))
                for order in word.orders:
                    self._bee.order(order)
        return at_ns

    def _hear_conductor(self) -> None:
        self._vigil.heard(CONDUCTOR, now_ns())

    def forget(self) -> None:
        """The conductor has all records on its own disk."""
        self.close()
        if self._keeper is not None:
            self._keeper.forget()

    # --- by itself -------------------------------------------------------------------------------------------------

    def stop(self, why: str) -> None:
        """Ends the load without the conductor, and waits until the workers have said the rest."""
        with self._orders:
            if self._bee is None or self._stopped or self._closing.is_set():
                return
            self._stopped = why
            self._bee.order(Finish())

    def close(self) -> None:
        """Waits for the last words of a bee that ends, then lets its workers go."""
        self._closing.set()
        if self._pump.is_alive() and threading.current_thread() is not self._pump:
            self._pump.join(FAREWELL_NS / NS_PER_S)
        if self._bee is not None:
            self._bee.close()
        if self._time is not None:
            self._time.close()
        if self._keeper is not None:
            self._keeper.close()
        for path in (self._directory / LUGGAGE).glob("*"):
            path.unlink(missing_ok=True)

    def _pass_on(self) -> None:
        """The life of the pump: up to the last word of the last worker."""
        assert self._bee is not None
        working, unready = set(self._bee.workers), set(self._bee.workers)
        beat_ns = now_ns()
        end_ns = None
        while working and (end_ns is None or now_ns() < end_ns):
            said = gather(self._bee, self._gather_s)
            working -= {worker for worker, report in said if isinstance(report, Finished | WorkerLost)}
            at_ns = now_ns()
            if unready:
                unready -= {worker for worker, report in said if isinstance(report, Prepared)}
                if not unready:
                    self._vigil.watch_closely(at_ns, CONDUCTOR_PATIENCE_NS)
            if said or at_ns - beat_ns >= BEAT_NS:
                beat_ns = at_ns
                self._report(said)
            if self._vigil.gone(at_ns):
                self.stop("heard nothing of its conductor any more")
            if end_ns is None and (self._stopped or self._closing.is_set()):
                end_ns = at_ns + FAREWELL_NS
        self._report([])

    def _report(self, said: list[tuple[str, Report]]) -> None:
        assert self._keeper is not None
        numbered = tuple(SpooledRun(self._sequence + place, *one) for place, one in enumerate(said))
        self._sequence += len(numbered)
        self._keeper.keep([one for one in numbered if not isinstance(one.report, Standing)])
        self._send(ReportBatch(self._name, numbered, self._stopped, self._keeper.failure))

    def _unpack(self, contract: Assignment) -> None:
        """The files of the clients, keys among them: for our eyes only, and gone with the run."""
        directory = self._directory / LUGGAGE
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in contract.files.items():
            with open(os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)


def gather(bee: LocalWorkers, gather_s: float) -> list[tuple[str, Report]]:
    """What the workers say within that time, in order; of the standings of a worker only the last."""
    said: list[tuple[str, Report]] = []
    end_ns = now_ns() + round(gather_s * NS_PER_S)
    while (left_ns := end_ns - now_ns()) > NS_PER_MS:
        heard = bee.poll(left_ns / NS_PER_S)
        if not heard and not bee.working:
            break
        said += heard
    last = {worker: place for place, (worker, report) in enumerate(said) if isinstance(report, Standing)}
    return [one for place, one in enumerate(said) if not isinstance(one[1], Standing) or last[one[0]] == place]
