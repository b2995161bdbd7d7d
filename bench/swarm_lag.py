"""Whether the process of a bee beside the engine makes messages late: the same load by workers alone, and by bees.

mosquitto, 1,000 clients every 2 s, QoS 1, two workers: once as a local attack, once as two bees of one worker, whose
processes and loops all share this machine with the load: the hardest case for them. Rounds alternate.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.show import Figure, middle, show, spread
from malaria.analysis.quantiles import latency_of
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackRequest, conduct
from malaria.broker import start_mosquitto
from malaria.clock import NS_PER_MS
from malaria.model.observe import NOTHING
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.records.rows import Metric
from malaria.records.run import Run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from bees import LocalLauncher  # the tests' bees, on this machine

ROUNDS: Final = 3
LOAD: Final = {
    "group": [
        {"name": "meters", "clients": 1000, "interval": "2s", "qos": 1, "size": 500, "topic": "bench/{client}/data"}
    ],
    "attack": {"duration": "12s", "drain": "3s", "own_lag_limit": "1m"},
}


@dataclass(frozen=True, slots=True)
class Lag:
    """Milliseconds, and what the bees said of their clocks and start."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    spread_ms: float | None


def attack(port: int, bees: bool) -> Lag:
    with tempfile.TemporaryDirectory() as directory:
        launcher = LocalLauncher(Path(directory) / "bees", count=2, workers=1) if bees else None
        request = AttackRequest(
            parse_target(f"mqtt://127.0.0.1:{port}"),
            Warhead.model_validate(LOAD),
            Path(directory) / "run",
            2,
            "bench",
            "bench",
            NOTHING,
            launcher=launcher,
        )
        return _lag(conduct(request, lambda _: None, Interrupt()).run)


def _lag(records: Run) -> Lag:
    own = latency_of(records, Metric.OWN_LAG).finished
    start = records.meta.start
    p50, p99 = (own.quantile_ns(q) or 0 for q in (0.5, 0.99))
    return Lag(
        p50 / NS_PER_MS,
        p99 / NS_PER_MS,
        (own.max_ns or 0) / NS_PER_MS,
        None if start is None or start.spread_ns is None else start.spread_ns / NS_PER_MS,
    )


def main() -> None:
    broker = start_mosquitto()
    try:
        rounds = [(attack(broker.port, bees=False), attack(broker.port, bees=True)) for _ in range(ROUNDS)]
    finally:
        broker.stop()
    figures = []
    for name in ("p50_ms", "p99_ms", "max_ms"):
        without, with_bees = ([getattr(pair[which], name) for pair in rounds] for which in (0, 1))
        figures.append(
            Figure(
                f"own lag {name.removesuffix('_ms')}",
                f"{middle(with_bees):.3f} ms ({spread(with_bees)})",
                f"{middle(without):.3f} ms ({spread(without)})",
                middle(with_bees) / max(middle(without), 1e-6),
                "p99 at most 2 ms" if name == "p99_ms" else "",
                middle(with_bees) <= 2 if name == "p99_ms" else None,
            )
        )
    starts = [pair[1].spread_ms for pair in rounds if pair[1].spread_ms is not None]
    show(
        "Two bees beside two plain workers, all on this machine",
        figures,
        f"start spread of the two bees: {middle(starts):.3f} ms ({spread(starts)})",
    )


if __name__ == "__main__":
    main()
