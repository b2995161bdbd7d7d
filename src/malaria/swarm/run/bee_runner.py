"""A bee on its host: starts workers, passes orders to them and their reports to the conductor, and watches for silence.

Promises: every record is numbered and on the bee's disk before it is sent; a bee that hears nothing of its conductor
for `CONDUCTOR_PATIENCE_NS` ends its load as at the end of an attack, and keeps what its workers still report; workers
that hear nothing of their bee for so long stop their load; a bee without an assignment makes no load, so that setting
it up a second time does no harm.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from malaria.clock import NS_PER_MS, NS_PER_S, now_ns
from malaria.control.messages import CorrectEpoch, Finish, Finished, KeepGoing, Prepared, Report, WorkerLost
from malaria.control.standing import Standing
from malaria.errors import OperatorError
from malaria.model.warhead import Warhead
from malaria.plan.surge_schedule import clients_planned
from malaria.records.run_meta import EnvironmentFacts
from malaria.swarm.hosts.bee_layout import RUN_FILES, SPOOL
from malaria.swarm.run.bee_messages import Assigned, Assignment, Command, Joined, Knocked, ReportBatch, SpooledReport
from malaria.swarm.run.heartbeats import BEE_HEARTBEAT_NS, CONDUCTOR_PATIENCE_NS, START_PATIENCE_NS, Heartbeats
from malaria.swarm.run.spool import Spool
from malaria.swarm.run.timekeeping import TimeServer
from malaria.swarm.run.version_check import own_stamp
from malaria.transport.first_clients import Doors, let_first_clients_in
from malaria.transport.resolver import routes_of
from malaria.workers.host_facts import describe_host
from malaria.workers.local import Load, LocalWorkers

CONDUCTOR: Final = "conductor"
LAST_REPORTS_NS: Final = 10 * NS_PER_S
"""How long workers may take to finish once the bee has ended its load by itself."""

type SendBatch = Callable[[ReportBatch], None]


class BeeRunner:
    """The bee of one run on this host. Batches go to the conductor through `send`."""

    def __init__(self, name: str, run: str, directory: Path, host: str, send: SendBatch) -> None:
        """`host` is this host's address as the conductor sees it."""
        self._name = name
        self._host = host
        self._time_server: TimeServer | None = None
        self._run = run
        self._directory = directory
        self._send = send
        self._workers: LocalWorkers | None = None
        self._spool: Spool | None = None
        self._sequence = 0
        self._gather_s = 0.0
        self._stopped = ""
        self._heartbeats = Heartbeats([CONDUCTOR], now_ns(), CONDUCTOR_PATIENCE_NS)
        self._pump = threading.Thread(target=self._pass_on, name="reports", daemon=True)
        self._closing = threading.Event()
        self._orders = threading.Lock()

    # --- called by the conductor -----------------------------------------------------------------------------------

    def join(self, clock_key: bytes) -> Joined:
        """Introduce this bee, and start to answer questions for its time."""
        cores = os.process_cpu_count() or 1
        self._time_server = self._time_server or TimeServer(self._host, clock_key, self._hear_conductor)
        facts = EnvironmentFacts.model_validate(describe_host())
        return Joined(self._name, cores, str(self._directory), facts, self._time_server.address, own_stamp())

    def knock(self, assignment: Assignment) -> Knocked:
        """Look at the target with the first clients of the share. Raises OperatorError if it does not let them in."""
        share, warhead = assignment.share, self._with_sources(assignment)
        clients = share.count(clients_planned(warhead))
        routes = routes_of(warhead, assignment.targets, clients, 1)
        self._write_files(assignment)
        found = let_first_clients_in(Doors(warhead, share, assignment.identity, routes, assignment.targets))
        return Knocked(self._name, found.version, found.notes)

    def assign(self, assignment: Assignment) -> Assigned:
        """Start the workers. Raises OperatorError for a load that this host cannot make."""
        if self._workers is not None:
            raise OperatorError(f"{self._name} has its share already", "this is a bug of malaria")
        clients = assignment.share.count(clients_planned(assignment.warhead))
        # a worker without clients would only cost memory
        count = assignment.workers or max(1, min(os.process_cpu_count() or 1, clients))
        warhead = self._with_sources(assignment)
        routes = routes_of(warhead, assignment.targets, clients, count)
        self._write_files(assignment)
        self._gather_s = assignment.gather_s
        load = Load(warhead, assignment.identity, routes, assignment.epoch_ns)
        self._spool = Spool(self._directory / SPOOL, self._run, self._name)
        self._heartbeats = Heartbeats([CONDUCTOR], now_ns(), START_PATIENCE_NS)
        self._workers = LocalWorkers(load, assignment.share, count, f"{self._name}/")
        self._pump.start()
        return Assigned({worker: self._workers.share_of(worker) for worker in self._workers.workers})

    def execute(self, command: Command) -> int:
        """Pass orders on; return this host's clock at the arrival of the command."""
        at_ns = now_ns()
        self._hear_conductor()
        with self._orders:
            # a load that this bee has ended must not be changed or begun again
            if self._workers is not None and not self._stopped:
                if command.epoch_ns is not None:
                    self._workers.order(CorrectEpoch(command.epoch_ns))
                for order in command.orders:
                    self._workers.order(order)
        return at_ns

    def _hear_conductor(self) -> None:
        self._heartbeats.heard(CONDUCTOR, now_ns())

    def forget(self) -> None:
        """Delete the records: the conductor has all of them on its own disk."""
        self.close()
        if self._spool is not None:
            self._spool.remove()

    @property
    def over(self) -> bool:
        """Return whether the bee has ended its load by itself, and its workers have reported the rest."""
        return bool(self._stopped) and not self._pump.is_alive()

    # --- by itself -------------------------------------------------------------------------------------------------

    def stop(self, reason: str) -> None:
        """End the load without the conductor; the workers still report the rest."""
        with self._orders:
            if self._workers is None or self._stopped or self._closing.is_set():
                return
            self._stopped = reason
            self._workers.order(Finish())

    def close(self) -> None:
        """Wait for the last reports of a load that ends, then end the workers."""
        self._closing.set()
        # a thread cannot wait for itself
        if self._pump.is_alive() and threading.current_thread() is not self._pump:
            self._pump.join(LAST_REPORTS_NS / NS_PER_S)
        if self._workers is not None:
            self._workers.close()
        if self._time_server is not None:
            self._time_server.close()
        if self._spool is not None:
            self._spool.close()
        shutil.rmtree(self._directory / RUN_FILES, ignore_errors=True)

    def _pass_on(self) -> None:
        """Send batches until the last worker has finished. Runs in the thread `reports`."""
        assert self._workers is not None
        working, unready = set(self._workers.workers), set(self._workers.workers)
        sent_ns = now_ns()
        end_ns = None
        while working and (end_ns is None or now_ns() < end_ns):
            reports = gather(self._workers, self._gather_s)
            working -= {worker for worker, report in reports if isinstance(report, Finished | WorkerLost)}
            at_ns = now_ns()
            if unready:
                unready -= {worker for worker, report in reports if isinstance(report, Prepared)}
                if not unready:
                    # starting workers keeps a host busy; from now on a silent conductor is noticed soon
                    self._heartbeats.restart(at_ns, CONDUCTOR_PATIENCE_NS)
            if reports or at_ns - sent_ns >= BEE_HEARTBEAT_NS:
                sent_ns = at_ns
                self._keep_going()
                self._report(reports)
            if self._heartbeats.silent(at_ns):
                self.stop("heard nothing of its conductor any more")
            if end_ns is None and (self._stopped or self._closing.is_set()):
                end_ns = at_ns + LAST_REPORTS_NS
        # says why the bee stopped, or that its records are not on its disk, if no report was left to say it with
        self._report([])

    def _keep_going(self) -> None:
        """Let the workers go on: they stop their load by themselves when this process is stopped."""
        with self._orders:
            if self._workers is not None and not self._stopped:
                self._workers.order(KeepGoing(CONDUCTOR_PATIENCE_NS))

    def _report(self, reports: list[tuple[str, Report]]) -> None:
        """Number reports, write them to the disk, send them."""
        assert self._spool is not None
        numbered = tuple(SpooledReport(self._sequence + place, *one) for place, one in enumerate(reports))
        self._sequence += len(numbered)
        # a standing is of no use once a later one has come
        self._spool.append([one for one in numbered if not isinstance(one.report, Standing)])
        self._send(ReportBatch(self._name, numbered, self._stopped, self._spool.failure))

    @staticmethod
    def _with_sources(assignment: Assignment) -> Warhead:
        """Return the warhead with the addresses that this bee's clients connect from."""
        attack = assignment.warhead.attack.model_copy(update={"source_addresses": assignment.sources})
        return assignment.warhead.model_copy(update={"attack": attack})

    def _write_files(self, assignment: Assignment) -> None:
        """Write the files of the clients, keys among them: readable by the owner alone, removed when the run ends."""
        directory = self._directory / RUN_FILES
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in assignment.files.items():
            (directory / name).parent.mkdir(mode=0o700, exist_ok=True)  # a directory of payloads
            with open(os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)


def gather(workers: LocalWorkers, gather_s: float) -> list[tuple[str, Report]]:
    """Return what the workers report within that time, in order; of the standings of a worker only the last."""
    reports: list[tuple[str, Report]] = []
    end_ns = now_ns() + round(gather_s * NS_PER_S)
    while (left_ns := end_ns - now_ns()) > NS_PER_MS:
        heard = workers.poll(left_ns / NS_PER_S)
        if not heard and not workers.working:
            break
        reports += heard
    last = {worker: place for place, (worker, report) in enumerate(reports) if isinstance(report, Standing)}
    return [one for place, one in enumerate(reports) if not isinstance(one[1], Standing) or last[one[0]] == place]
