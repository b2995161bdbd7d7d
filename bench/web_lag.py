"""Whether people who look on make messages late: one load alone, and with a live page, five readers and a scraper.

mosquitto, 1,000 clients every 2 s, QoS 1, one worker. The readers take the stream of events as a page does; the scraper
asks for the metrics ten times a second. They run on this machine, in a process of their own. Rounds are pairs, and
alternate which comes first.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench.show import Figure, middle, show, spread
from malaria.analysis.quantiles import latency_of
from malaria.attacks.followers import Follower
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.broker import start_mosquitto
from malaria.clock import NS_PER_MS
from malaria.model.observe import Observe
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead
from malaria.outputs.live.live_figures import LiveFigures
from malaria.outputs.live.prometheus_metrics import attack_page
from malaria.records.rows import Metric
from malaria.web.live_feed import LiveFeed
from malaria.web.web_app import WebOptions
from malaria.web.web_server import serving_web

ROUNDS: Final = 3
READERS: Final = 5
SECONDS: Final = 8
LOAD: Final = {
    "group": [
        {"name": "meters", "clients": 1000, "interval": "2s", "qos": 1, "size": 500, "topic": "bench/{client}/data"}
    ],
    "attack": {"duration": f"{SECONDS}s", "drain": "2s", "own_lag_limit": "1m"},
}
AUDIENCE: Final = """
import http.client, sys, threading, time
place, token, readers = sys.argv[1], sys.argv[2], int(sys.argv[3])
bearer = {"Authorization": "Bearer " + token}
def read():
    link = http.client.HTTPConnection(place)
    link.request("GET", "/events", headers=bearer)
    stream = link.getresponse()
    while stream.readline():
        pass
for _ in range(readers):
    threading.Thread(target=read, daemon=True).start()
link = http.client.HTTPConnection(place)
while True:
    link.request("GET", "/metrics", headers=bearer)
    link.getresponse().read()
    time.sleep(0.1)
"""


@dataclass(frozen=True, slots=True)
class Look:
    """Own lag in milliseconds, and the CPU of the conducting process in milliseconds per second."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    conductor_ms: float


def attack(port: int, watched: bool) -> Look:
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        directory = Path(place) / "run"
        followers = stack.enter_context(audience(directory)) if watched else ()
        request = AttackRequest(
            parse_target(f"mqtt://127.0.0.1:{port}"),
            Warhead.model_validate(LOAD),
            directory,
            1,
            "bench",
            "bench",
            Observe(),
            wait_for_figures=False,
            followers=followers,
        )
        began_s, cpu_s = time.monotonic(), cpu()
        outcome = conduct(request, lambda _: None, Interrupt())
        return look(outcome, (cpu() - cpu_s) / (time.monotonic() - began_s))


@contextmanager
def audience(directory: Path) -> Iterator[tuple[Follower, ...]]:
    """Serve the attack while the block runs, to readers and a scraper."""
    figures, feed = LiveFigures(directory), LiveFeed("bench")
    with serving_web(":0", feed, WebOptions(metrics=attack_page(figures))) as server:
        parts = urlsplit(server.url)
        words = [parts.netloc, parts.query.removeprefix("token="), str(READERS)]
        people = subprocess.Popen([sys.executable, "-c", AUDIENCE, *words], stderr=subprocess.DEVNULL)
        try:
            yield feed, figures
            assert server.readers == READERS
        finally:
            people.terminate()
            people.wait()
            figures.close()


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def look(outcome: AttackOutcome, cores: float) -> Look:
    own = latency_of(outcome.run, Metric.OWN_LAG).finished
    p50, p99 = (own.quantile_ns(q) or 0 for q in (0.5, 0.99))
    return Look(p50 / NS_PER_MS, p99 / NS_PER_MS, (own.max_ns or 0) / NS_PER_MS, cores * 1000)


def main() -> None:
    alone: list[Look] = []
    watched: list[Look] = []
    with start_mosquitto() as broker:
        for number in range(ROUNDS):
            for is_watched in (False, True) if number % 2 == 0 else (True, False):
                (watched if is_watched else alone).append(attack(broker.port, is_watched))
    figures = []
    for name, what in (("p50_ms", "own lag p50"), ("p99_ms", "own lag p99"), ("max_ms", "own lag max")):
        ours, reference = ([getattr(one, name) for one in side] for side in (watched, alone))
        figures.append(
            Figure(
                what,
                f"{middle(ours):.3f} ms ({spread(ours)})",
                f"{middle(reference):.3f} ms ({spread(reference)})",
                middle(ours) / max(middle(reference), 1e-6),
                "within noise" if name == "p99_ms" else "",
                min(ours) <= max(reference) if name == "p99_ms" else None,
            )
        )
    ours, reference = ([one.conductor_ms for one in side] for side in (watched, alone))
    figures.append(
        Figure(
            "CPU of the conducting process, per second",
            f"{middle(ours):.0f} ms ({spread(ours)})",
            f"{middle(reference):.0f} ms ({spread(reference)})",
            middle(ours) / middle(reference),
        )
    )
    show(f"{READERS} readers of the live page and a scraper beside a load, and the load alone", figures)


if __name__ == "__main__":
    main()
