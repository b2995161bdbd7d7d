"""Messages per second of one worker at full speed into a sink that keeps up: 4 clients, QoS 1 (window 100) and QoS 0.

Reference: the C loop with the same window, filling it with one send. Aim: a million a second; what limits is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench.attack import attack
from bench.floor import Sink, floor
from bench.show import Figure, middle, show

CLIENTS: Final = 4
WINDOW: Final = 100
SIZES: Final = (500, 20)
ROUNDS: Final = 2
BUSY: Final = 0.9
AIM_PER_S: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Speed:
    """One round: messages per second, and the share of a core of each end."""

    per_s: float
    cores: float
    sink_cores: float


def main() -> None:
    figures, notes = [], []
    for qos in (1, 0):
        for size in SIZES:
            what = f"QoS {qos}, {size} bytes" + (f", window {WINDOW}" if qos else "")
            ours, theirs = [], []
            for _ in range(ROUNDS):
                theirs.append(_c_loop(qos, size))
                ours.append(_one_worker(qos, size))
            figures.append(_figure(what, ours, theirs))
            notes.append(f"{what}: worker {_cores(ours)}, sink beside it {_sink(ours)}: {_limit(ours)}")
    show(f"Flat out, {CLIENTS} clients, one worker", figures, *notes)


def _c_loop(qos: int, size: int) -> Speed:
    with Sink() as sink:
        report = floor("load", sink.port, "--batch", clients=CLIENTS, qos=qos, size=size, window=WINDOW, seconds=2)
    return Speed(report["messages"] / report["seconds"], 0.0, 0.0)


def _one_worker(qos: int, size: int) -> Speed:
    group = {"clients": CLIENTS, "size": size, "qos": qos, "interval": 0, "inflight": WINDOW}
    with Sink() as sink:
        cost = attack(sink.port, group, duration="4s")
    busy_s = sink.report["user_s"] + sink.report["system_s"]
    return Speed(cost.per_s, cost.cores, busy_s / (cost.seconds + 1))  # it was idle but for the measured seconds


def _figure(what: str, ours: list[Speed], theirs: list[Speed]) -> Figure:
    mine, reference = middle([s.per_s for s in ours]), middle([s.per_s for s in theirs])
    ratio = reference / mine
    return Figure(what, f"{mine:,.0f}/s", f"{reference:,.0f}/s", ratio, f">= {AIM_PER_S:,}/s", mine >= AIM_PER_S)


def _cores(speeds: list[Speed]) -> str:
    return f"{middle([s.cores for s in speeds]):.2f} of a core"


def _sink(speeds: list[Speed]) -> str:
    return f"{middle([s.sink_cores for s in speeds]):.2f}"


def _limit(speeds: list[Speed]) -> str:
    worker, sink = middle([s.cores for s in speeds]), middle([s.sink_cores for s in speeds])
    if max(worker, sink) < BUSY:
        return "neither is busy all the time: they wait for each other, or for a core"
    return "the worker limits" if worker > sink else "the sink limits"


if __name__ == "__main__":
    main()
