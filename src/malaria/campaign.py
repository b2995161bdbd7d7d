"""Many attacks, one after the other, to one page. Today: the three levels of `malaria demo`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from malaria.attack import AttackOutcome, AttackRequest, Interrupt, conduct
from malaria.broker import RunningBroker
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead, describe
from malaria.records import Progress

type OnLevel = Callable[[int, str], Callable[[Progress], None]]
"""Called with the number and the title of a level that begins; returns who watches its progress."""


@dataclass(frozen=True, slots=True)
class Level:
    """One step of the demo: so many meters, reporting so often."""

    title: str
    clients: int
    interval: Fraction


DEMO_LEVELS: Final = (
    Level("100 meters, once a second", 100, Fraction(1)),
    Level("300 meters, once a second", 300, Fraction(1)),
    Level("600 meters, once a second", 600, Fraction(1)),
)
DEMO_SECONDS: Final = 6


@dataclass(frozen=True, slots=True)
class CampaignOutcome:
    """The levels that were run, and the summary of the whole."""

    directory: Path
    levels: tuple[AttackOutcome, ...]
    summary: dict[str, Any]


def demo_warhead(level: Level) -> Warhead:
    """Meters that publish and a backend that listens to them all."""
    meters = {"name": "meters", "clients": level.clients, "interval": level.interval, "qos": 1, "size": "500~25",
              "topic": "malaria/demo/{client}/data"}  # fmt: skip
    backend = {"name": "backend", "role": "subscribe", "clients": 1, "qos": 1, "topic": "malaria/demo/+/data"}
    attack = {"duration": f"{DEMO_SECONDS}s", "drain": "5s"}
    return Warhead.model_validate({"group": [meters, backend], "attack": attack})


def run_demo(
    broker: RunningBroker, directory: Path, workers: int, on_level: OnLevel, interrupt: Interrupt
) -> CampaignOutcome:
    """Attacks the broker at every level of the demo; stops at an interrupt with what is there.

    Raises what `conduct` raises.
    """
    target = parse_target(f"mqtt://{broker.host}:{broker.port}")
    outcomes: list[AttackOutcome] = []
    for number, level in enumerate(DEMO_LEVELS, 1):
        if interrupt.count:
            break
        warhead = demo_warhead(level)
        command = (
            f"malaria attack {target.url} -c {level.clients} -I {level.interval}s -s 500~25 -q 1 -d {DEMO_SECONDS}s"
        )
        request = AttackRequest(target, warhead, directory / f"level-{number}", workers, command, level.title)
        outcomes.append(conduct(request, on_level(number, f"{level.title} · {describe(warhead)}"), interrupt))
    return CampaignOutcome(directory, tuple(outcomes), _summary(directory, outcomes))


def _summary(directory: Path, outcomes: list[AttackOutcome]) -> dict[str, Any]:
    """The shape of an attack's summary, its figures those of the worst level, with the levels inside."""
    order = ("INVALID", "FAIL", "UNKNOWN", "PASS")
    worst = min((o.summary for o in outcomes), key=lambda s: order.index(s["verdict"]["outcome"]), default=None)
    levels = [
        dict(outcome.summary) | {"title": outcome.records.meta.get("title"), "run": outcome.directory.name}
        for outcome in outcomes
    ]
    summary = dict(worst or {}) | {"levels": levels}
    (directory / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary
