"""A process with one engine and nothing else: what costs are measured on that no conductor's run shows alone.

`run_engine(job)` starts `python -m bench.engine JOB` and returns what it measured of itself.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from malaria.clock import NS_PER_MS, NS_PER_S, now_ns
from malaria.engine.loop import Engine
from malaria.engine.meter import Meter
from malaria.engine.platform import Platform
from malaria.engine.worker import raise_descriptor_limit
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity, make_plan
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric, Sample
from malaria.schedule.share import WHOLE
from malaria.transport.resolver import routes_of
from malaria.workers.local import ONE_THREAD_EACH

LONGEST_S: Final = 120
TURN_NS: Final = 100 * NS_PER_MS


def run_engine(job: Mapping[str, Any]) -> dict[str, Any]:
    """Runs a job in a fresh process: `warhead` (a table, whose `[target]` names the broker), `tag`, `epoch_ns`,
    `seconds`, `everybody`, and if wanted `again`: break all connections in the end, and measure how they come back.
    """
    command = [sys.executable, "-m", "bench.engine", json.dumps(job)]
    environment = os.environ | ONE_THREAD_EACH
    finished = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, timeout=LONGEST_S + job["seconds"], env=environment
    )
    measured: dict[str, Any] = json.loads(finished.stdout)
    return measured


def main() -> None:
    job = json.loads(sys.argv[1])
    raise_descriptor_limit()
    warhead = Warhead.model_validate(job["warhead"])
    target = parse_target(warhead.target.url or "")
    plan = make_plan(warhead, WHOLE, Identity("bench", job["tag"], 1))
    empty_bytes = _rss_bytes()
    routes = routes_of(warhead, {group.name: target for group in warhead.groups}, plan.clients, 1)
    engine = Engine(plan, routes, Meter("1"), Platform())
    engine.set_epoch(job["epoch_ns"])
    engine.inbox.begin(job["epoch_ns"], job["epoch_ns"])
    gc.collect()
    gc.freeze()
    connected = _connect(engine, everybody=job["everybody"])
    result = connected | {"bytes_of_all": _rss_bytes() - empty_bytes} | _stay(engine, job["seconds"])
    if job.get("again"):
        result["again"] = _connect_again(engine, plan.clients)
    print(json.dumps(result))
    engine.hang_up()


def _connect(engine: Engine, *, everybody: bool) -> dict[str, float]:
    """Brings in the subscribers, or all clients; how long that took and how much of the processor."""
    begin_ns, begin_cpu_s = now_ns(), sum(_cpu())
    engine.connect(rest=False)
    if everybody:
        engine.connect(rest=True)
    return _until_ready(engine, begin_ns, begin_cpu_s)


def _connect_again(engine: Engine, clients: int) -> dict[str, float]:
    """Breaks all connections, and waits until all stand again."""
    engine.meter.counts.resumed = 0
    for client in range(clients):
        engine.connector.cut(client)
    return _until_ready(engine, now_ns(), sum(_cpu())) | {"resumed": engine.meter.counts.resumed}


def _until_ready(engine: Engine, begin_ns: int, begin_cpu_s: float) -> dict[str, float]:
    while (standing := engine.standing()).ready < standing.expected_ready:
        engine.turn(now_ns() + TURN_NS)
        if standing.refused or now_ns() - begin_ns > LONGEST_S * NS_PER_S:
            sys.exit(
                f"{standing.ready} of {standing.expected_ready} clients connected: {engine.meter.clients_failed()}"
            )
    elapsed_s = (now_ns() - begin_ns) / NS_PER_S
    return {"clients": standing.ready, "connect_s": elapsed_s, "connect_cpu_s": sum(_cpu()) - begin_cpu_s}


def _stay(engine: Engine, seconds: float) -> dict[str, Any]:
    """Turns the wheel, closing a sample each second as a worker does. The first second is not measured."""
    samples: list[Sample] = []
    for second in range(int(seconds) + 1):
        end_ns = now_ns() + NS_PER_S
        while now_ns() < end_ns:
            engine.turn(end_ns)
        sample = engine.sample()
        if second:
            samples.append(sample)
        else:
            begin_ns, begin = now_ns(), _cpu()
    user_s, system_s = (after - before for after, before in zip(_cpu(), begin, strict=True))
    end_to_end = Histogram()
    for sample in samples:
        if Metric.END_TO_END in sample.histograms:
            end_to_end.merge(Histogram.from_bytes(sample.histograms[Metric.END_TO_END]))
    names = {name for sample in samples for name in sample.counters}
    return {
        "seconds": (now_ns() - begin_ns) / NS_PER_S,
        "user_s": user_s,
        "system_s": system_s,
        "counters": {name: sum(sample.counters.get(name, 0) for sample in samples) for name in names},
        "end_to_end_p99_ns": end_to_end.quantile_ns(0.99),
    }


def _cpu() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime


def _rss_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
