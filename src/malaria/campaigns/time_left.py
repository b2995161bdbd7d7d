"""Estimate how long a campaign still takes: what its steps plan, and how much longer the earlier ones took. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from malaria.campaigns.program import Step
from malaria.clock import NS_PER_S
from malaria.plan.surge_schedule import clients_planned

FIRST_GUESS_S: Final = 5.0
"""The seconds that a step takes beyond its plan (broker, workers, drain, page), until a step has shown it."""


class TimeLeft:
    """The estimate of one campaign, better with every step that is done."""

    def __init__(self) -> None:
        self._beyond_s: list[float] = []
        self._took_s: list[float] = []

    def note(self, step: Step, took_s: float) -> None:
        """Take in how long a step took, and how much longer that is than its plan."""
        self._took_s.append(took_s)
        planned_s = planned_time_s(step)
        if planned_s is not None:
            # a level that ended early (its broker died) says nothing about the overhead
            self._beyond_s.append(max(0.0, took_s - planned_s))

    def of(self, steps: Iterable[Step]) -> float | None:
        """Return the seconds that these steps take; one without a plan takes as long as those before it.

        None if there is neither a plan nor a step before it.
        """
        beyond_s = sum(self._beyond_s) / len(self._beyond_s) if self._beyond_s else FIRST_GUESS_S
        total_s = 0.0
        for step in steps:
            planned_s = planned_time_s(step)
            if planned_s is not None:
                total_s += planned_s + beyond_s
            elif self._took_s:
                total_s += sum(self._took_s) / len(self._took_s)
            else:
                return None
        return total_s


def planned_time_s(step: Step) -> float | None:
    """Return how long the clients of a step take to connect, warm up and make their load; None if it is not planned.

    A load that ends with its last message takes as long as its slowest group; a closed loop has no plan then.
    """
    attack, publishing = step.warhead.attack, step.warhead.publishing
    length_ns = step.warhead.length_ns
    load_s = None if length_ns is None else length_ns / NS_PER_S
    if load_s is None and publishing and all(group.messages and group.interval for group in publishing):
        load_s = max(float((group.messages or 0) * group.interval) for group in publishing)
    if load_s is None:
        return None
    connect_s = clients_planned(step.warhead) / float(attack.connect_rate) if attack.connect_rate else 0.0
    return connect_s + attack.warmup_ns / NS_PER_S + load_s
