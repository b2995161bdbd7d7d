"""Memory of a worker per idle client at 1,000 and 15,000 clients, and connects per second, to a C sink.

Reference: a C loop that keeps as many connections, opened one after the other. Memory is the growth of the resident
size from just before the engine is built. Aims: 1 KiB a client, the same at both sizes; 10,000 connects a second.
"""

from __future__ import annotations

from typing import Any, Final

from bench.engine import run_engine
from bench.floor import Sink, floor
from bench.show import Figure, show

SIZES: Final = (1_000, 15_000)
AIM_BYTES: Final = 1024
AIM_PER_S: Final = 10_000


def main() -> None:
    figures, notes = [], []
    for clients in SIZES:
        ours, theirs = _engine(clients), _c_loop(clients)
        each = ours["bytes_of_all"] / clients
        figures.append(_memory(f"bytes per idle client, {clients:,}", each, theirs["rss_bytes"] / clients))
        figures.append(_connects(f"connects per second, {clients:,}", ours, clients, theirs))
        notes.append(f"{clients:,}: {_cpu(ours, clients)}")
    show("Idle clients", figures, *notes, "C: its whole resident size over its clients")


def _engine(clients: int) -> dict[str, Any]:
    group = {"name": "idle", "role": "connect", "clients": clients, "keepalive": 600}
    warhead: dict[str, Any] = {"group": [group], "attack": {"duration": "10s", "connect_rate": 1_000_000}}
    with Sink() as sink:
        warhead["target"] = {"url": f"mqtt://127.0.0.1:{sink.port}"}
        job = {"warhead": warhead, "tag": 1, "epoch_ns": 0, "seconds": 3, "everybody": True}
        return run_engine(job)


def _cpu(ours: dict[str, Any], clients: int) -> str:
    each_us = ours["connect_cpu_s"] / clients * 1e6
    idle_percent = (ours["user_s"] + ours["system_s"]) / ours["seconds"] * 100
    return f"{each_us:.0f} us of CPU per connect; {idle_percent:.1f} % of a core while idle"


def _c_loop(clients: int) -> dict[str, Any]:
    with Sink() as sink:
        return floor("idle", sink.port, clients=clients, seconds=1)


def _memory(what: str, ours: float, theirs: float) -> Figure:
    return Figure(what, f"{ours:,.0f} B", f"{theirs:,.0f} B", ours / theirs, f"<= {AIM_BYTES:,} B", ours <= AIM_BYTES)


def _connects(what: str, ours: dict[str, Any], clients: int, theirs: dict[str, Any]) -> Figure:
    mine, reference = clients / ours["connect_s"], theirs["connects_per_s"]
    return Figure(
        what, f"{mine:,.0f}/s", f"{reference:,.0f}/s", reference / mine, f">= {AIM_PER_S:,}/s", mine >= AIM_PER_S
    )


if __name__ == "__main__":
    main()
