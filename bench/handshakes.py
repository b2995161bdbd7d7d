"""Connects per second of one worker to mosquitto, and our CPU for each: plain, keys, certificates; then all again.

Everybody connects, 64 at once; then every connection is broken and everybody comes back, those with certificates with
the session of before. Reference: plain connects of the same worker; for those, a C loop, one connect after the other.
mosquitto makes its handshakes in one thread: where it is the limit, its CPU says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import psutil

from bench.engine import run_engine
from bench.floor import floor
from bench.secured import Secured, secured_mosquitto
from bench.show import Figure, show

CLIENTS: Final = 1000
WAYS: Final = (
    ("plain", "plain", ""),
    ("key, TLS 1.2", "psk", "1.2"),
    ("key, TLS 1.3", "psk", "1.3"),
    ("ECDSA certificate", "ecdsa", ""),
    ("RSA certificate", "rsa", ""),
)
"""(what it is called, listener, TLS version or what both prefer)"""


@dataclass(frozen=True, slots=True)
class Connects:
    """One round of all clients."""

    per_s: float
    cpu_us: float
    resumed: int


def main() -> None:
    with secured_mosquitto(CLIENTS) as secured:
        reference = floor("idle", secured.broker.port, clients=CLIENTS, seconds=1)["connects_per_s"]
        rounds = {name: _rounds(secured, way, version) for name, way, version in WAYS}
    plain = rounds["plain"][0]
    figures, notes = [], []
    for name, (first, again, broker) in rounds.items():
        for what, connects in ((f"{name}: first", first), (f"{name}: {_again(again)}", again)):
            per_s = reference if connects is plain else plain.per_s
            figures.append(
                Figure(f"{what}, connects", f"{connects.per_s:,.0f}/s", f"{per_s:,.0f}/s", per_s / connects.per_s)
            )
            figures.append(
                Figure(
                    f"{what}, CPU",
                    f"{connects.cpu_us:.0f} us",
                    f"{plain.cpu_us:.0f} us",
                    connects.cpu_us / plain.cpu_us,
                )
            )
        notes.append(f"{name}: mosquitto used {broker:.0f} us for each connect")
    show(f"{CLIENTS:,} connects, one worker, {secured.broker.version}", figures, *notes)


def _again(connects: Connects) -> str:
    return "resumed" if connects.resumed == CLIENTS else "again"


def _rounds(secured: Secured, way: str, version: str) -> tuple[Connects, Connects, float]:
    """The first round, the second, and microseconds of CPU of the broker per connect."""
    group = {"name": "visitors", "role": "connect", "clients": CLIENTS, "keepalive": 600}
    attack = {"duration": "10s", "connect_rate": 1_000_000, "reconnect": ["10ms", "10ms"]}
    target = dict(secured.ways[way]) | ({"tls_version": version} if version else {})
    job = {"warhead": {"group": [group], "attack": attack, "target": target}, "tag": 1, "epoch_ns": 0, "seconds": 0,
           "everybody": True, "again": True}  # fmt: skip
    before = _cpu_s(secured)
    measured = run_engine(job)
    broker_us = (_cpu_s(secured) - before) / (2 * CLIENTS) * 1e6
    return _connects(measured), _connects(measured["again"]), broker_us


def _connects(measured: dict[str, Any]) -> Connects:
    return Connects(
        CLIENTS / measured["connect_s"], measured["connect_cpu_s"] / CLIENTS * 1e6, measured.get("resumed", 0)
    )


def _cpu_s(secured: Secured) -> float:
    used = psutil.Process(secured.broker.pid).cpu_times()
    return used.user + used.system


if __name__ == "__main__":
    main()
