"""Messages per second of closed-loop clients, one and many, for each window, beside plain clients that refill at once.

Against mosquitto as it is configured by default: with Nagle's algorithm, it holds further acknowledgements back until
the last one is acknowledged. A client that waits for more of them before it sends stands still for our kernel's delayed
ACK (40 ms).

Reference: a plain client in Python that sends the same bytes again at each acknowledgement and keeps no books. Aim: at
most 10 % below it. The ratio to one that stamps each message and records each latency is shown beside it: it is slower
at each read, so its reads are larger, and where the broker is what limits it may come out ahead.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.attack import attack
from bench.plain_client import SIZE, run_plain_client
from bench.secured import TESTS
from bench.show import Figure, middle, show, spread
from malaria.broker import find_mosquitto
from malaria.broker.configuration import MosquittoListener, MosquittoSettings
from malaria.broker.mosquitto import start_mosquitto, with_free_ports

ROUNDS: Final = 3
SECONDS: Final = 1
AIM: Final = 1.1
WINDOWS: Final = (1, 2, 8, 20, 100, 1000)
CLIENTS: Final = 50
"""Of a load of many clients, over one worker."""


@dataclass(frozen=True, slots=True)
class Case:
    """One load: clients with a window each over one way in."""

    window: int
    qos: int = 1
    protocol: str = "3.1.1"
    scheme: str = "mqtt"
    clients: int = 1

    @property
    def name(self) -> str:
        many = f"{self.clients} x " if self.clients > 1 else ""
        return f"{many}window {self.window:>4}, QoS {self.qos}, MQTT {self.protocol}, {self.scheme}"


CASES: Final = (
    *(Case(window) for window in WINDOWS),
    Case(20, qos=2),
    Case(20, protocol="5"),
    *(Case(20, scheme=scheme) for scheme in ("mqtts", "ws")),
    *(Case(window, clients=CLIENTS) for window in (1, 8, 20)),
)


def main() -> None:
    if find_mosquitto() is None:
        sys.exit("mosquitto is not installed: apt install mosquitto")
    sys.path.append(str(TESTS))
    from certificates import Authority

    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory) / "ca")
        made = authority.server("ecdsa")
        proof = {"cafile": authority.cafile, "certfile": made.cert, "keyfile": made.key}
        listeners = with_free_ports(
            [MosquittoListener(0, name="mqtts", **proof), MosquittoListener(0, name="ws", websockets=True),
             MosquittoListener(0, name="wss", websockets=True, **proof)]
        )  # fmt: skip
        settings = MosquittoSettings(listeners, log_connections=False)
        with start_mosquitto(settings) as broker:
            ports = {"mqtt": broker.port} | {listener.name: listener.port for listener in listeners}
            figures = [_figure(case, ports[case.scheme]) for case in CASES]
            show(
                f"Closed-loop clients, {SIZE} bytes, {broker.version}",
                [figure for figure, _ in figures],
                "rounds alternate; a client that stamps and records does:",
                *(note for _, note in figures),
            )


def _figure(case: Case, port: int) -> tuple[Figure, str]:
    """Return the line of a case, and how it compares with the plain client that records."""
    ours, timed, bare = [], [], []
    job = asdict(case) | {"port": port, "seconds": SECONDS}
    for _ in range(ROUNDS):
        bare.append(run_plain_client(job | {"timed": False}))
        timed.append(run_plain_client(job | {"timed": True}))
        ours.append(_our_speed(case, port))
    ratio = middle(bare) / middle(ours)
    reference = f"{middle(bare):,.0f}/s ({spread([value / 1000 for value in bare])})"
    note = f"{case.name}: {middle(timed):,.0f}/s with records, ratio {middle(timed) / middle(ours):.2f}"
    return Figure(case.name, f"{middle(ours):,.0f}/s", reference, ratio, f"<= {AIM}", ratio <= AIM), note


def _our_speed(case: Case, port: int) -> float:
    group: dict[str, Any] = {
        "clients": case.clients,
        "size": SIZE,
        "interval": 0,
        "inflight": case.window,
        "qos": case.qos,
    }
    path = "/mqtt" if case.scheme in ("ws", "wss") else ""
    target: dict[str, Any] = {"url": f"{case.scheme}://127.0.0.1:{port}{path}"}
    if case.scheme in ("mqtts", "wss"):
        target["insecure"] = True
    return attack(target, group, duration=f"{SECONDS + 1}s", drain="200ms", protocol=case.protocol).per_s


if __name__ == "__main__":
    main()
