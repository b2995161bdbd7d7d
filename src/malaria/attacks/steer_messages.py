"""The question of `malaria steer` to an attack, and the answer: one line of JSON there, one line of JSON back."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

from malaria.clock import NS_PER_S
from malaria.control.change_answer import AnswerKind, ChangeAnswer
from malaria.model.warhead import Warhead
from malaria.records.rows import Counter, Gauge, Progress

LONGEST_LINE: Final = 64 * 1024
"""Bytes of a question; a change is far shorter."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SteerQuestion(_Message):
    """A change that is wanted, or with an empty `change` the question how the attack stands."""

    change: str = ""
    only_look: bool = False


class SteeredGroup(_Message):
    """A group that can be changed."""

    name: str
    role: str
    clients: int


class SteeredLoad(_Message):
    """The state of an attack. Rates are in messages per second, of the last whole second; None: not known yet."""

    phase: str
    load_s: float | None
    """Seconds since the measured time began."""
    clients: int
    clients_planned: int
    due_per_s: float | None
    sent_per_s: float | None
    groups: tuple[SteeredGroup, ...]
    refusal: str = ""
    """Why it cannot be changed; empty if it can."""


class SteerAnswer(_Message):
    """The answer of an attack. `load` says how it stands, if that was the question."""

    kind: AnswerKind
    text: str
    remedy: str = ""
    at_s: float | None = None
    """When a taken change takes effect: seconds since the measured time began."""
    load: SteeredLoad | None = None


def answer_line(answer: ChangeAnswer, progress: Progress | None) -> SteerAnswer:
    """Return the answer to a change as it is sent."""
    start_ns = None if progress is None else progress.load_start_ns
    at_s = None if answer.at_ns is None or start_ns is None else (answer.at_ns - start_ns) / NS_PER_S
    return SteerAnswer(kind=answer.kind, text=answer.text, remedy=answer.remedy, at_s=at_s)


def load_line(warhead: Warhead, progress: Progress | None, refusal: str = "") -> SteeredLoad:
    """Return how an attack stands."""
    groups = tuple(
        SteeredGroup(name=group.name, role=str(group.role), clients=group.clients) for group in warhead.groups
    )
    if progress is None:
        planned = sum(group.clients for group in groups)
        return SteeredLoad(
            phase="prepare", load_s=None, clients=0, clients_planned=planned, due_per_s=None, sent_per_s=None,
            groups=groups, refusal=refusal,
        )  # fmt: skip
    start_ns, second = progress.load_start_ns, progress.second
    return SteeredLoad(
        phase=progress.phase.value,
        load_s=None if start_ns is None else (progress.at_ns - start_ns) / NS_PER_S,
        clients=progress.gauges.get(Gauge.CLIENTS_READY, 0),
        clients_planned=progress.clients_planned,
        due_per_s=progress.due_now_per_s,
        sent_per_s=None if second is None else second.per_s.get(Counter.SENT, 0),
        groups=groups,
        refusal=refusal,
    )
