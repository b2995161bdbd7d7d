"""The level of 2013 on one worker: 3,000 clients, 500 bytes, QoS 1, each every 6 s, for 60 s, against mosquitto.

With the word `psk`, our clients come in over TLS with a pre-shared key each, as those of 2013 did.
Reference for the CPU per message: a plain C loop with the same load against the same broker. Whether anything was lost
is judged by a subscriber that is not ours: a C loop that counts what comes and looks for gaps in the sequence of a
client. Aims: lag p99 2 ms; 500 messages in each second within 1 %; nothing lost; 1.5 times the CPU of the C loop, or
2.5 times and 16 KiB a client with keys.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from bench.attack import Cost, attack, measured
from bench.floor import Background, cpu_us_per_message, floor
from bench.secured import secured_mosquitto
from bench.show import Figure, show
from malaria.clock import NS_PER_S
from malaria.records.rows import Counter

CLIENTS: Final = 3000
INTERVAL_S: Final = 6
PER_S: Final = CLIENTS / INTERVAL_S
SIZE: Final = 500
REFERENCE_S: Final = 15
AIM_LAG_MS: Final = 2.0
AIM_RATIO: Final = {"plain": 1.5, "psk": 2.5}
AIM_BYTES: Final = {"plain": None, "psk": 16 << 10}
AIM_BAND: Final = 0.01


def main() -> None:
    way = sys.argv[1] if sys.argv[1:] else "plain"
    if way not in AIM_RATIO:
        sys.exit(f"{way}: one of {', '.join(AIM_RATIO)}")
    with secured_mosquitto(CLIENTS) as secured:
        broker = secured.broker
        with Background("listen", port=broker.port):  # so that the broker has the same to do
            reference = floor("load", broker.port, clients=CLIENTS, size=SIZE, interval_ns=INTERVAL_S * NS_PER_S,
                              seconds=REFERENCE_S)  # fmt: skip
        with Background("listen", port=broker.port, publishers=CLIENTS) as listener:
            load = {"clients": CLIENTS, "size": SIZE, "interval": INTERVAL_S}
            cost = attack(secured.ways[way], load, duration="60s")
    show(
        f"{CLIENTS:,} clients, {way}, {SIZE} bytes, QoS 1, every {INTERVAL_S} s, 60 s, one worker, {broker.version}",
        [_cpu(cost, cpu_us_per_message(reference), AIM_RATIO[way]), _lag(cost), _memory(cost, AIM_BYTES[way]),
         _seconds(cost), _lost(cost, listener.report)],
        f"verdict {cost.outcome.summary['verdict']['outcome']}; ack p99 {_p99(cost, 'ack'):.1f} ms; "
        f"worker {cost.cores * 100:.1f} % of a core",
    )  # fmt: skip


def _cpu(cost: Cost, reference_us: float, aim: float) -> Figure:
    ours_us = cost.cpu_us_per_message
    ratio = ours_us / reference_us
    return Figure("CPU per message", f"{ours_us:.1f} us", f"{reference_us:.1f} us", ratio, f"<= {aim}", ratio <= aim)


def _memory(cost: Cost, aim: int | None) -> Figure:
    """What the worker has grown by since before the first connect, its tables of the load with it."""
    each = cost.bytes_grown / CLIENTS
    promise = "" if aim is None else f"<= {aim:,} B"
    return Figure("bytes per client", f"{each:,.0f} B", aim=promise, kept=None if aim is None else each <= aim)


def _lag(cost: Cost) -> Figure:
    p99_ms = float(_p99(cost, "lag"))
    return Figure("lag p99", f"{p99_ms:.2f} ms", aim=f"<= {AIM_LAG_MS} ms", kept=p99_ms <= AIM_LAG_MS)


def _p99(cost: Cost, metric: str) -> float:
    value: float = cost.outcome.summary["latency_ms"][metric]["p99"]
    return value


def _seconds(cost: Cost) -> Figure:
    """Messages in each whole second of the measured time."""
    origin_ns = cost.outcome.run.meta.measure_start_ns
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
