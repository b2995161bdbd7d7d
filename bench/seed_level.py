"""The level of 2013 on one worker: 3,000 clients, 500 bytes, QoS 1, each every 6 s, for 60 s, against mosquitto.

Reference for the CPU per message: a C loop with the same load against the same broker. Whether anything was lost is
judged by a subscriber that is not ours: a C loop that counts what comes and looks for gaps in the sequence of a client.
Aims: lag p99 2 ms; 500 messages in each second within 1 %; 1.5 times the CPU of the C loop; nothing lost.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from bench.attack import Cost, attack, measured
from bench.floor import Background, cpu_us_per_message, floor
from bench.show import Figure, show
from malaria.broker import find_mosquitto, start_mosquitto
from malaria.clock import NS_PER_S
from malaria.records import Counter

CLIENTS: Final = 3000
INTERVAL_S: Final = 6
PER_S: Final = CLIENTS / INTERVAL_S
SIZE: Final = 500
REFERENCE_S: Final = 15
AIM_LAG_MS: Final = 2.0
AIM_RATIO: Final = 1.5
AIM_BAND: Final = 0.01


def main() -> None:
    if find_mosquitto() is None:
        sys.exit("mosquitto is not installed: apt install mosquitto")
    with start_mosquitto() as broker:
        with Background("listen", port=broker.port):  # so that the broker has the same to do
            reference = floor("load", broker.port, clients=CLIENTS, size=SIZE, interval_ns=INTERVAL_S * NS_PER_S,
                              seconds=REFERENCE_S)  # fmt: skip
        with Background("listen", port=broker.port, publishers=CLIENTS) as listener:
            cost = attack(broker.port, {"clients": CLIENTS, "size": SIZE, "interval": INTERVAL_S}, duration="60s")
    show(
        f"{CLIENTS:,} clients, {SIZE} bytes, QoS 1, every {INTERVAL_S} s, 60 s, one worker, {broker.version}",
        [_cpu(cost, cpu_us_per_message(reference)), _lag(cost), _seconds(cost), _lost(cost, listener.report)],
        f"verdict {cost.outcome.summary['verdict']['outcome']}; ack p99 {_p99(cost, 'ack'):.1f} ms; "
        f"worker {cost.cores * 100:.1f} % of a core",
    )


def _cpu(cost: Cost, reference_us: float) -> Figure:
    ours_us = cost.cpu_us_per_message
    ratio = ours_us / reference_us
    return Figure(
        "CPU per message", f"{ours_us:.1f} us", f"{reference_us:.1f} us", ratio, f"<= {AIM_RATIO}", ratio <= AIM_RATIO
    )


def _lag(cost: Cost) -> Figure:
    p99_ms = float(_p99(cost, "lag"))
    return Figure("lag p99", f"{p99_ms:.2f} ms", aim=f"<= {AIM_LAG_MS} ms", kept=p99_ms <= AIM_LAG_MS)


def _p99(cost: Cost, metric: str) -> float:
    value: float = cost.outcome.summary["latency_ms"][metric]["p99"]
    return value


def _seconds(cost: Cost) -> Figure:
    """Messages in each whole second of the measured time."""
    origin_ns = cost.outcome.records.meta["measure_start_ns"]
    assert isinstance(origin_ns, int)
    whole = [sample for sample in measured(cost.outcome) if sample.end_ns > origin_ns + NS_PER_S // 2]
    counts = [sample.counters.get(Counter.SENT, 0) for sample in whole]
    kept = all(abs(count - PER_S) <= PER_S * AIM_BAND for count in counts)
    aim = f"{PER_S:.0f} within {AIM_BAND:.0%}"
    return Figure("messages in each second", f"{min(counts)} to {max(counts)} ({len(counts)} s)", aim=aim, kept=kept)


def _lost(cost: Cost, heard: dict[str, Any]) -> Figure:
    messages = cost.outcome.summary["messages"]
    lost = messages["acked"] - heard["messages"]
    ours = f"{lost} of {messages['due']:,} (acked {messages['acked']:,}, {heard['disorder']} gaps)"
    return Figure(
        "lost", ours, aim="0", kept=lost == 0 and messages["acked"] == messages["due"] and not heard["disorder"]
    )


if __name__ == "__main__":
    main()
