"""Name the bee that was at fault where one was: late messages, clients that could not connect, lost connections."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass

from malaria.analysis.bee_figures import P99, bee_figures, bee_of
from malaria.analysis.cpu import worker_cpu_percent
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import Summary
from malaria.analysis.windows import bees_of
from malaria.records.histogram import Histogram
from malaria.records.rows import CONNECTION_LOST, EventKind, Metric
from malaria.records.run import Run
from malaria.records.sample_histograms import merged_histogram
from malaria.units import format_count, format_things

THIS_MACHINE = "this machine"
NO_WAY = "is there a way from it to the broker?"


@dataclass(frozen=True, slots=True)
class LateWorker:
    """The worker whose messages left latest, and its CPU in percent of a core. `p99_ns` is that of its whole bee."""

    worker: str
    p99_ns: int
    cpu_percent: float | None

    @property
    def host(self) -> str:
        """Return its bee; `this machine` for a worker of the conductor's host."""
        return bee_of(self.worker) or THIS_MACHINE


def latest_worker(run: Run) -> LateWorker | None:
    """Return the worker of the bee that was latest; None without messages. Raises RunError for a damaged run."""
    found: list[tuple[int, int, str]] = []
    for bee in bees_of(run) or [""]:
        samples = [sample for sample in run.samples if bee_of(sample.worker) == bee]
        of_bee = Histogram()
        lags: dict[str, int | None] = {}
        for worker in sorted({sample.worker for sample in samples}):
            of_worker = merged_histogram((sample for sample in samples if sample.worker == worker), Metric.OWN_LAG)
            lags[worker] = of_worker.quantile_ns(P99)
            of_bee.merge(of_worker)
        whole = of_bee.quantile_ns(P99)
        found += [(whole, lag, worker) for worker, lag in lags.items() if whole is not None and lag is not None]
    if not found:
        return None
    p99_ns, _, worker = max(found, key=lambda late: late[:2])
    return LateWorker(worker, p99_ns, worker_cpu_percent(run, worker))


@dataclass(frozen=True, slots=True)
class MissingClients:
    """Clients that did not connect, which are all of one bee: their number, and how many it has in all."""

    bee: str
    clients: int
    planned: int
    causes: Mapping[str, int]


def missing_of_one_bee(run: Run) -> MissingClients | None:
    """Return the clients that never connected if all of them are those of one bee, and the other bees have theirs."""
    bees = [bee for bee in bee_figures(run) if bee.lost is None]
    missing = {bee.bee: (bee.clients or 0) - (bee.clients_peak or 0) for bee in bees}
    short = [bee for bee in bees if missing[bee.bee] > 0]
    if len(short) != 1 or len(bees) < 2:
        return None
    bee = short[0]
    return MissingClients(bee.bee, missing[bee.bee], bee.clients or 0, _connect_failures(run, bee.bee))


def whose_clients(count: int, bee: str) -> str:
    """Return `all ten are bee-2's`, with the verb of one client."""
    return f"it is {bee}'s" if count == 1 else f"all {format_count(count)} are {bee}'s"


def cut_off_bee(run: Run, _: Summary) -> list[Reason]:
    """Report a bee none of whose clients connected while those of all others did: the broker lets clients in."""
    missing = missing_of_one_bee(run)
    if missing is None or missing.clients < missing.planned:
        return []
    cause = max(missing.causes, key=lambda text: missing.causes[text], default="")
    text = f"none of the {format_things(missing.planned, 'client')} of {missing.bee} could connect"
    remedy = f"{NO_WAY} Look there with malaria doctor, or leave it out: --without {missing.bee}"
    return [Reason(Outcome.INVALID, f"{missing.bee} was the limit: {text}{f': {cause}' if cause else ''}", remedy)]


def bees_with(run: Run, cause: str) -> list[str]:
    """Return the bees of which clients failed to connect for this cause."""
    return [bee for bee in bees_of(run) if cause in _connect_failures(run, bee)]


def bee_of_lost_connections(run: Run) -> str:
    """Return the bee that had all the connections that were lost; empty where several had, or there are no others."""
    lost = [event for event in run.events if event.kind is EventKind.TROUBLE and event.text.startswith(CONNECTION_LOST)]
    bees = {bee_of(event.worker) for event in lost}
    return bees.pop() if len(bees) == 1 and len(bees_of(run)) > 1 else ""


def _connect_failures(run: Run, bee: str) -> dict[str, int]:
    causes: Tally[str] = Tally()
    for one in run.meta.worker_facts:
        if bee_of(one.worker) == bee:
            causes.update(one.connect_failures)
    return dict(causes)
