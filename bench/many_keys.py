"""15,000 clients with a pre-shared key each, from one worker, stay connected to mosquitto for two minutes.

Reference for the memory: as many plain clients (their connects and a second of idling). Aims: 16 KiB a client; nobody
lost. Takes about three minutes.
"""

from __future__ import annotations

from typing import Any, Final

from bench.engine import run_engine
from bench.secured import Secured, secured_mosquitto
from bench.show import Figure, show

CLIENTS: Final = 15_000
STAY_S: Final = 120
AIM_BYTES: Final = 16 << 10


def main() -> None:
    with secured_mosquitto(CLIENTS) as secured:
        plain = _stay(secured, "plain", 1)
        ours = _stay(secured, "psk", STAY_S)
    counters, seconds = ours["counters"], ours["seconds"]
    lost = counters.get("dropped", 0)
    per_s, plain_per_s = CLIENTS / ours["connect_s"], CLIENTS / plain["connect_s"]
    each, reference = ours["bytes_of_all"] / CLIENTS, plain["bytes_of_all"] / CLIENTS
    busy_percent = (ours["user_s"] + ours["system_s"]) / seconds * 100
    show(
        f"{CLIENTS:,} clients with a key each, one worker, {STAY_S} s, {secured.broker.version}",
        [
            Figure("connections lost", f"{lost}", aim="0", kept=lost == 0),
            Figure("bytes per client", f"{each:,.0f} B", f"{reference:,.0f} B", each / reference, f"<= {AIM_BYTES:,} B",
                   each <= AIM_BYTES),
            Figure("connects per second", f"{per_s:,.0f}/s", f"{plain_per_s:,.0f}/s", plain_per_s / per_s),
        ],
        f"{counters.get('pings', 0):,} pings answered; worker {busy_percent:.1f} % of a core",
    )  # fmt: skip


def _stay(secured: Secured, way: str, seconds: float) -> dict[str, Any]:
    group = {"name": "sleepers", "role": "connect", "clients": CLIENTS, "keepalive": 60}
    attack = {"duration": "10s", "connect_rate": 1_000_000}
    job = {"warhead": {"group": [group], "attack": attack, "target": dict(secured.ways[way])}, "tag": 1, "epoch_ns": 0,
           "seconds": seconds, "everybody": True}  # fmt: skip
    return run_engine(job)


if __name__ == "__main__":
    main()
