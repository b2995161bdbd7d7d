"""Microseconds of Python per delivered message when they come in bursts: latency, loss and order tracked for each.

A C sink pushes PUBLISH packets with our header, of 100 publishers in turn, as fast as they are taken. Ours is the user
time of a worker's engine; the kernel's part is shown beside it. Reference: a C loop that takes the same flood, answers
it and checks every sequence number. Aim: 1.0 us.
"""

from __future__ import annotations

import time
from typing import Any, Final

from bench.engine import run_engine
from bench.floor import Sink, floor
from bench.show import Figure, middle, show

PUBLISHERS: Final = 100
TAG: Final = 4711
SIZES: Final = (500, 100)
ROUNDS: Final = 2
AIM_US: Final = 1.0


def main() -> None:
    figures, notes = [], []
    for qos in (0, 1):
        for size in SIZES:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                theirs.append(_c_loop(qos, size))
                ours.append(_engine(qos, size))
            what = f"QoS {qos}, {size} bytes"
            figures.append(
                _figure(what, [_user_us(o) for o in ours], [t["user_s"] / t["messages"] * 1e6 for t in theirs])
            )
            notes.append(f"{what}: {_account(ours[-1])}")
    show(f"Receiving bursts from {PUBLISHERS} publishers: user time per delivered message", figures, *notes)


def _c_loop(qos: int, size: int) -> dict[str, Any]:
    with Sink("--deliver", size=size, qos=qos, publishers=PUBLISHERS) as sink:
        return floor("listen", sink.port, publishers=PUBLISHERS, seconds=2)


def _engine(qos: int, size: int) -> dict[str, Any]:
    epoch_ns = time.monotonic_ns()
    speakers = {"name": "p", "role": "publish", "clients": PUBLISHERS, "topic": "floor/{index}/data", "size": size}
    listener = {"name": "s", "role": "subscribe", "clients": 1, "qos": qos, "topic": "floor/#"}
    warhead: dict[str, Any] = {"group": [speakers, listener], "attack": {"duration": "10s"}}
    with Sink("--deliver", size=size, qos=qos, publishers=PUBLISHERS, tag=TAG, epoch_ns=epoch_ns) as sink:
        warhead["target"] = {"url": f"mqtt://127.0.0.1:{sink.port}"}
        job = {
            "warhead": warhead,
            "tag": TAG,
            "epoch_ns": epoch_ns,
            "seconds": 2,
            "everybody": False,
        }
        return run_engine(job)


def _user_us(measured: dict[str, Any]) -> float:
    return float(measured["user_s"] / measured["counters"]["delivered"] * 1e6)


def _figure(what: str, ours: list[float], theirs: list[float]) -> Figure:
    mine, reference = middle(ours), middle(theirs)
    return Figure(what, f"{mine:.2f} us", f"{reference:.3f} us", mine / reference, f"<= {AIM_US} us", mine <= AIM_US)


def _account(measured: dict[str, Any]) -> str:
    counters, seconds = measured["counters"], measured["seconds"]
    system_us = measured["system_s"] / counters["delivered"] * 1e6
    trouble = {
        name: counters[name] for name in ("duplicated", "reordered", "foreign", "unexpected") if counters.get(name)
    }
    return (
        f"{counters['delivered'] / seconds:,.0f}/s, kernel {system_us:.2f} us each, "
        f"end to end p99 {(measured['end_to_end_p99_ns'] or 0) / 1e6:.1f} ms, {trouble or 'all in order, none twice'}"
    )


if __name__ == "__main__":
    main()
