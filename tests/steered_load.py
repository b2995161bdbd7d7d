"""A plain model of a steered load: which client is due when, by a walk through the changes, one client at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class ModelClient:
    """One client: its place among those it came with, and when its schedule begins and ends."""

    place: int
    of: int
    begin_ns: int
    end_ns: int | None = None  # it left


@dataclass(slots=True)
class ModelLoad:
    """One open-loop group at a steady rate. Times count from the beginning of the measured time."""

    clients: int
    per_s: int
    messages: int | None = None
    cohorts: list[list[ModelClient]] = field(default_factory=list)
    rates: list[tuple[int, Fraction]] = field(default_factory=list)  # (from, seconds between two messages)
    pauses: list[tuple[int, int]] = field(default_factory=list)
    paused_ns: int | None = None

    def __post_init__(self) -> None:
        self.cohorts.append([ModelClient(i, self.clients, 0) for i in range(self.clients)])
        self.rates.append((0, Fraction(1, self.per_s)))

    # --- changes ---------------------------------------------------------------------------------------------------

    def add(self, at_ns: int, clients: int) -> None:
        """Without a connect rate a wave publishes a second after it came."""
        self.cohorts.append([ModelClient(i, clients, at_ns + NS_PER_S) for i in range(clients)])

    def remove(self, at_ns: int, clients: int) -> None:
        for cohort in reversed(self.cohorts):
            there = [client for client in cohort if client.end_ns is None]
            part = min(clients, len(there))
            for i in range(part):
                there[i * len(there) // part].end_ns = at_ns
            clients -= part

    def rate(self, at_ns: int, per_s: int) -> None:
        self.rates.append((at_ns, Fraction(1, per_s)))

    def pause(self, at_ns: int) -> None:
        self.paused_ns = at_ns

    def resume(self, at_ns: int) -> None:
        assert self.paused_ns is not None
        self.pauses.append((self.paused_ns, at_ns))
        self.paused_ns = None

    @property
    def there(self) -> int:
        return sum(client.end_ns is None for cohort in self.cohorts for client in cohort)

    # --- what is due -----------------------------------------------------------------------------------------------

    def dues(self, end_ns: int) -> list[list[int]]:
        """Return the due times of each client that has any, before `end_ns`."""
        every = [self._dues(client, end_ns) for cohort in self.cohorts for client in cohort]
        return sorted(dues for dues in every if dues)

    def _dues(self, client: ModelClient, end_ns: int) -> list[int]:
        until_ns = end_ns if client.end_ns is None else min(end_ns, client.end_ns)
        ends = [at_ns for at_ns, _ in self.rates[1:]] + [end_ns]
        dues: list[int] = []
        for (from_ns, interval), next_ns in zip(self.rates, ends, strict=True):
            dues += self._span(client, interval, max(from_ns, client.begin_ns), min(next_ns, until_ns))
        return dues if self.messages is None else dues[: self.messages]

    def _span(self, client: ModelClient, interval: Fraction, from_ns: int, until_ns: int) -> list[int]:
        """Return what is due of one schedule that begins at `from_ns`."""
        dues: list[int] = []
        k = 0
        while True:
            offset_ns = (client.place + k * client.of) * interval * NS_PER_S / client.of
            due_ns = self._moved(from_ns, from_ns + offset_ns.numerator // offset_ns.denominator)
            if due_ns is None or due_ns >= until_ns:
                return dues
            dues.append(due_ns)
            k += 1

    def _moved(self, from_ns: int, at_ns: int) -> int | None:
        """Return when something is due that would be due at `at_ns` without the pauses since `from_ns`."""
        pauses: Sequence[tuple[int, int]] = self.pauses
        if self.paused_ns is not None:
            pauses = [*pauses, (self.paused_ns, 1 << 60)]
        for begin_ns, end_ns in pauses:
            begin_ns = max(begin_ns, from_ns)
            if begin_ns < end_ns and at_ns >= begin_ns:
                at_ns += end_ns - begin_ns
        return at_ns
