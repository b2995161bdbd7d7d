"""What the conductor of a swarm has to do: the words of N bees, of real size, unpacked, judged, merged and stored.

Feeds conductor, running totals and the database of the run with what N bees send in a few seconds, in this
process and without a network. The reference is the same for 20 bees, per bee. What TLS and the loop cost comes on top,
and is seen in `bench.swarm_lag`.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.show import Figure, show
from malaria.attacks.live_totals import LiveTotals
from malaria.clock import NS_PER_S
from malaria.control.conductor import AttackTiming, Conductor
from malaria.control.messages import Report, SecondReport
from malaria.control.standing import Standing
from malaria.engine.meter import Meter
from malaria.records.rows import Gauge, Progress, RunPhase
from malaria.records.store import RunWriter
from malaria.swarm.run.bee_messages import ReportBatch, SpooledReport
from malaria.swarm.run.bee_schema import decode_message, encode_message
from malaria.swarm.run.heartbeats import gather_s

SWARMS: Final = (20, 100, 1000)
WORKERS: Final = 4
SECONDS: Final = 4
ACKS_PER_WORKER: Final = 5_000
"""A worker with 5,000 messages in a second: a histogram of some 300 buckets for each of five metrics."""
SHOWS_PER_S: Final = 5
PASSES: Final = AttackTiming(0, None, 0, 0, counted=False)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one second of the run, for all bees."""

    bees: int
    cpu_s: float
    megabytes: float
    stored_megabytes: float

    @property
    def us_per_bee(self) -> float:
        return self.cpu_s / self.bees * 1e6


def second_of(worker: str, number: int, chance: np.random.Generator) -> SecondReport:
    """What a busy worker tells of one second."""
    meter = Meter(worker)
    meter.restart_period((number - 1) * NS_PER_S)
    latencies = (chance.lognormal(13.8, 0.7, ACKS_PER_WORKER)).astype(np.int64)  # about 1 ms, with a tail
    for batch in (meter.ack, meter.service, meter.end_to_end):
        batch.extend(latencies)
    meter.prompt_lag.extend(latencies // 20)
    for name in ("due", "sent", "acked", "delivered", "arrived", "sends", "turns"):
        setattr(meter.counts, name, ACKS_PER_WORKER)
    return SecondReport(meter.sample(number * NS_PER_S, RunPhase.MEASURE, {Gauge.CLIENTS_READY: 2500}), (), {})


def words_of(bee: str, number: int, bees: int, chance: np.random.Generator) -> list[bytes]:
    """What a bee sends in one second: its workers' seconds in one word, their standings in every word."""
    workers = [f"{bee}/{n}" for n in range(1, WORKERS + 1)]
    standing = Standing(2, 2500, 2500, 0, 40, ACKS_PER_WORKER, ACKS_PER_WORKER, publishing=True)
    words: list[bytes] = []
    times = round(1 / gather_s(bees))
    for place in range(times):
        reports: list[tuple[str, Report]] = [(worker, standing) for worker in workers]
        if place == 0:
            reports += [(worker, second_of(worker, number, chance)) for worker in workers]
        first = number * 1000 + place * 100
        kept = tuple(SpooledReport(first + n, *report) for n, report in enumerate(reports))
        words.append(encode_message(ReportBatch(bee, kept)))
    return words


def measure(bees: int) -> Cost:
    """Takes the words of so many bees as the attack does. A few different seconds stand for those of all."""
    chance = np.random.default_rng(1)
    names = [f"bee-{n}" for n in range(1, bees + 1)]
    kinds = [words_of("bee-0", number, bees, chance) for number in range(1, SECONDS + 1)]
    workers = tuple(f"{name}/{n}" for name in names for n in range(1, WORKERS + 1))
    conductor, totals = Conductor(workers, PASSES), LiveTotals(workers)
    with tempfile.TemporaryDirectory() as directory, RunWriter.create(Path(directory) / "run") as writer:
        writer.commit()
        begin_s = time.process_time()
        for words in kinds:
            for name in names:
                for word in words:
                    batch = decode_message(word, "bee-0")
                    assert isinstance(batch, ReportBatch)
                    take(batch, name, conductor, totals, writer)
            for _ in range(SHOWS_PER_S):
                totals.progress(Progress(0, RunPhase.MEASURE, 0, 0, 0, None))
            writer.commit()
        cpu_s = (time.process_time() - begin_s) / SECONDS
        stored = sum(path.stat().st_size for path in Path(directory).glob("run/*"))
    sent = sum(len(word) for words in kinds for word in words) * bees
    return Cost(bees, cpu_s, sent / SECONDS / 1e6, stored / SECONDS / 1e6)


def take(dispatch: ReportBatch, name: str, conductor: Conductor, totals: LiveTotals, writer: RunWriter) -> None:
    """As `attack` takes reports; the bee's name is put in, since one bee's words stand for those of all."""
    for kept in dispatch.reports:
        worker = name + kept.worker[5:]
        conductor.process(worker, kept.report, 0)
        if isinstance(kept.report, SecondReport):
            sample = kept.report.sample
            object.__setattr__(sample, "worker", worker)
            writer.append([sample])
            totals.add(sample)


def main() -> None:
    costs = [measure(bees) for bees in SWARMS]
    reference = costs[0].us_per_bee
    figures = [
        Figure(
            f"{cost.bees:,} bees of {WORKERS} workers",
            f"{cost.cpu_s:.2f} s of a core per second, {cost.us_per_bee:.0f} us a bee",
            f"{reference:.0f} us a bee",
            cost.us_per_bee / reference,
            "below 1 core at 1,000" if cost.bees == SWARMS[-1] else "",
            cost.cpu_s < 1 if cost.bees == SWARMS[-1] else None,
        )
        for cost in costs
    ]
    notes = [
        f"{cost.bees:,} bees: {cost.megabytes:.1f} MB/s on the way, {cost.stored_megabytes:.1f} MB/s stored"
        for cost in costs
    ]
    show("The conductor's part, per second of the run", figures, *notes)


if __name__ == "__main__":
    main()
