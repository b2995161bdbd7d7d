"""The shape of `summary.json`: typed figures under stable keys. An unknown figure is None, never 0.

Promises: `as_json` has the keys in the order of the fields here, and the values unchanged,
except that one that is not finite is unknown; the JSON Schema describes
exactly what `as_json` gives. Each part is also a read-only mapping from the keys of `summary.json` to its figures,
because thresholds and tables name figures by key.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, TypeAdapter, WithJsonSchema

from malaria.analysis.outcome import Outcome, Reason
from malaria.records.rows import Reading

type Number = int | float | None


class Figures(Mapping[str, Any]):
    """Figures under the keys of `summary.json`. Subclasses are frozen dataclasses."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", json_schema_serialization_defaults_required=True
    )

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        return {name: _plain(value) for name, value in self.items()}

    def __getitem__(self, key: str) -> Any:
        if key not in self.__dataclass_fields__:  # type: ignore[attr-defined]
            raise KeyError(key)
        value = getattr(self, key)
        return list(value) if isinstance(value, tuple) else value

    def __iter__(self) -> Iterator[str]:
        return (each.name for each in fields(self))  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(fields(self))  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, Figures):
        return value.as_json()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):  # of a damaged record; JSON has no infinity
        return None
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True, eq=False)
class Verdict(Figures):
    """The outcome and the reasons for it, the weightiest first. A PASS may carry remarks.

    `summary.json` holds the texts of the reasons; the remedies are shown to people.
    """

    outcome: Outcome = Outcome.UNKNOWN
    reasons: Annotated[tuple[Reason, ...], WithJsonSchema({"type": "array", "items": {"type": "string"}})] = ()

    def __getitem__(self, key: str) -> Any:
        return [reason.text for reason in self.reasons] if key == "reasons" else super().__getitem__(key)


@dataclass(frozen=True, eq=False)
class ClientFigures(Figures):
    """Clients: how many were planned and ready, and how their connections went."""

    planned: int | None = None
    connected: int | None = None
    connected_peak: int | None = None
    refused: int | None = None
    dropped: int | None = None
    reconnects: int | None = None


@dataclass(frozen=True, eq=False)
class MessageFigures(Figures):
    """The account of every message: `expected = delivered + lost + unresolved`."""

    due: int | None = None
    sent: int | None = None
    acked: int | None = None
    expected: int | None = None
    delivered: int | None = None
    duplicated: int | None = None
    reordered: int | None = None
    lost: int | None = None
    acked_lost: int | None = None
    unresolved: int | None = None
    unacked: int | None = None
    duplicated_qos_2: int | None = None
    overlapping: int | None = None

    @property
    def never_sent(self) -> int:
        """Return how many messages were due and never left: they are in no figure of deliveries. 0 if unknown."""
        return 0 if self.due is None or self.sent is None else max(0, self.due - self.sent)


@dataclass(frozen=True, eq=False)
class RateFigures(Figures):
    """Counts of the measured time over its length."""

    due_per_s: float | None = None
    sent_per_s: float | None = None
    acked_per_s: float | None = None
    delivered_per_s: float | None = None


@dataclass(frozen=True, eq=False)
class LatencyFigures(Figures):
    """One latency in milliseconds."""

    count: int | None = None
    min: Number = None
    mean: Number = None
    stddev: Number = None
    p50: Number = None
    p90: Number = None
    p95: Number = None
    p99: Number = None
    p99_9: Number = None
    max: Number = None


@dataclass(frozen=True, eq=False)
class QueueFigures(Figures):
    """The slope of one queue in steady time, and the interval that it lies in."""

    growth_per_s: float
    low_per_s: float
    high_per_s: float
    points: int
    grows: bool


@dataclass(frozen=True, eq=False)
class BrokerFigures(Figures):
    """The observers' figures of the broker, and the growth of its queues.

    `ended_s` is when the broker's process ended, or all connections closed, in seconds of the load; None: it stayed.
    """

    version: Reading = None
    cpu_percent: Number = None
    host_cpu_percent: Number = None
    rss_bytes: Number = None
    host_memory_used_bytes: Number = None
    host_memory_bytes: Number = None
    sys: Mapping[str, Reading] = field(default_factory=dict)
    dropped: int | None = None
    queue_growth_per_s: float | None = None
    queues: Mapping[str, QueueFigures] = field(default_factory=dict)
    cpu_limit_percent: Number = None
    throttled_percent: Number = None
    busiest_thread_percent: Number = None
    descriptors: int | None = None
    descriptors_limit: int | None = None
    memory_limit_bytes: Number = None
    ended_s: float | None = None


@dataclass(frozen=True, eq=False)
class GeneratorFigures(Figures):
    """The bees and workers that made the load, and their use of CPU and memory."""

    bees: int | None = None
    workers: int | None = None
    cpu_percent: float | None = None
    rss_bytes: int | None = None
    clock_error_ms: float | None = None


@dataclass(frozen=True, eq=False)
class BeeFigures(Figures):
    """One bee of a swarm. `start_ms` is how much later its last worker began than the first worker of all.

    `clock_offset_ms` is its clock minus the conductor's. `missing_from_s` is run time: from then on its share, or that
    of one of its workers, is missing, for the reason `lost`.
    """

    bee: str
    host: str | None = None
    version: str | None = None
    cores: int | None = None
    workers: int = 0
    clients: int | None = None
    clients_peak: int | None = None
    cpu_percent: float | None = None
    own_lag_p99_ms: float | None = None
    clock_offset_ms: float | None = None
    clock_error_ms: float | None = None
    clock_steps: int | None = None
    start_ms: float | None = None
    open_files: int | None = None
    local_ports: str | None = None
    lost: str | None = None
    missing_from_s: float | None = None


@dataclass(frozen=True, eq=False)
class SteadyFigures(Figures):
    """The run without its surges and what they caused."""

    seconds: int = 0
    due_per_s: float | None = None
    sent_per_s: float | None = None
    acked_per_s: float | None = None
    ack_p99_ms: float | None = None
    longest_stall_ms: float | None = None
    connections_dropped: int | None = None
    messages_dropped: int | None = None


@dataclass(frozen=True, eq=False)
class SurgeFigures(Figures):
    """The figures of one surge. Times are run time; `until_s` is None for one that stayed to the end."""

    group: str
    clients: int
    at_s: float
    until_s: float | None = None
    held: bool | None = None
    broke: tuple[str, ...] = ()
    recovered: bool | None = None
    recovery_s: float | None = None
    watched_s: float | None = None
    metastable: bool | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class EpisodeFigures(Figures):
    """A time in which something was wrong: since when (seconds since the start of the load), how long, in words."""

    kind: str
    at_s: float
    length_s: float
    text: str


@dataclass(frozen=True, eq=False)
class StallFigures(Figures):
    """The number of stalls of the broker, the longest (0: none), and the silence from which on it is one."""

    count: int | None = None
    longest_ms: float | None = None
    limit_ms: float | None = None


@dataclass(frozen=True, eq=False)
class RecoveryFigures(Figures):
    """Over all surges: how many were not held, and the slowest recovery."""

    not_held: int | None = None
    slowest_ms: float | None = None


@dataclass(frozen=True, eq=False)
class TrialFigures(Figures):
    """One trial of a capacity search."""

    load: int
    hold_s: float
    outcome: Outcome


@dataclass(frozen=True, eq=False)
class RungFigures(Figures):
    """One rung of a staircase: what was offered on the way up or down, and what came of it (rates: means).

    `well` is None where the load generator was the limit, or too little was seen.
    """

    load: int
    way: str
    well: bool | None
    seconds: int
    due_per_s: float | None
    acked_per_s: float | None
    delivered_per_s: float | None
    clients: int | None
    ack_p99_ms: Number
    reason: str = ""


@dataclass(frozen=True, eq=False)
class SignFigures(Figures):
    """One sign of trouble: what it is, when it was first seen (run time), and in words."""

    what: str
    at_s: float
    text: str


@dataclass(frozen=True, eq=False)
class LoopFigures(Figures):
    """The course of a target beyond its limit and on the way back: up the same steps and down again.

    `tipping` is the first load that it did not carry, `recovery` the one at which it was well again, `recovery_s` the
    time from the first step down until then. `never_back` counts clients that were missing at the end. Per lost client
    and message are the connects and packets from the tipping load to the end; `healthy_packets_per_message` is that of
    before. `sustained_by` names what kept the target sick at a load that it had carried before.
    """

    tipping: int | None
    recovery: int | None
    ratio: float | None
    recovery_s: float | None
    restart_needed: bool | None
    never_back: int | None
    connects_per_lost: float | None
    packets_per_message: float | None
    healthy_packets_per_message: float | None
    duplicates_per_message: float | None
    sustained_by: str | None
    bytes_wait: str | None
    broke_first: tuple[SignFigures, ...] = ()
    rungs: tuple[RungFigures, ...] = ()
    run: str | None = None


@dataclass(frozen=True, eq=False)
class TriggerFigures(Figures):
    """The smallest surge that does not heal at a part of the proven load, and the greatest smaller one that does.

    Surges are clients or messages per second, as the search has it. Both None: nothing could be said.
    """

    share: float
    load: int
    surge: int | None
    healed: int | None
    surge_s: float
    heal_s: float
    decided: bool
    trials: int


@dataclass(frozen=True, eq=False)
class CapacityFigures(Figures):
    """The answer of a capacity search. Loads are clients or messages per second, as `search` says.

    `lower` is the greatest load that is proven to be carried, `upper` the smallest that is proven not to be; `ending`
    says why no more trials were made, `binding` what failed at the upper one, and `monotonic` that no load above it
    was carried. `width` is the distance between neighbouring loads, as a share. `cleaned` says whether the target
    remembered nothing when each trial began, `edge` whether it collapses one step above the answer (`cliff`) or bends
    (`smooth`), `cost_s` how long all attacks took.
    """

    search: str
    lower: int | None
    upper: int | None
    width: float
    ending: str
    binding: str | None
    monotonic: bool
    trials: tuple[TrialFigures, ...] = ()
    cleaned: bool | None = None
    edge: str | None = None
    cost_s: float | None = None
    loop: LoopFigures | None = None
    triggers: tuple[TriggerFigures, ...] = ()


_RARE: Final = frozenset({"capacity", "loop", "comparison", "repeats"})
"""Keys of a summary that most have not."""


@dataclass(frozen=True, eq=False)
class AnsweredFigure(Figures):
    """A figure of two sides that were run in pairs: medians, B over A with exact bounds, and the answer.

    `answer` is `worse`, `better`, `same` or `undecided`; `pairs_more` would probably decide an undecided one.
    """

    name: str
    answer: str
    a: float | None
    b: float | None
    ratio: float | None
    low: float | None
    high: float | None
    coverage: float | None
    pairs: int
    pairs_more: int | None


@dataclass(frozen=True, eq=False)
class AnsweredCount(Figures):
    """A count of two sides: its sums, the number of runs that had any, and the answer."""

    name: str
    answer: str
    a: int
    b: int
    runs_a: int
    runs_b: int
    pairs: int
    pairs_more: int | None


@dataclass(frozen=True, eq=False)
class RepeatedFigure(Figures):
    """A figure of runs of the same load. `spread` is half the distance of the extremes as a share of the median."""

    name: str
    median: float
    smallest: float
    largest: float
    spread: float | None
    unstable: bool


@dataclass(frozen=True, eq=False)
class RepeatFigures(Figures):
    """The scatter of one load that was run several times; `unstable` names figures, `remedy` says what to do."""

    name: str
    runs: int
    figures: tuple[RepeatedFigure, ...]
    unstable: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, eq=False)
class ComparisonFigures(Figures):
    """The answer of a comparison. `pairs` are evidence, `pairs_left_out` are none; `band` is a share.

    `verdicts_a` and `verdicts_b` say how many runs of a side had which verdict.
    """

    a: str
    b: str
    pairs: int
    pairs_wanted: int
    pairs_left_out: int
    band: float
    answer: str
    figures: tuple[AnsweredFigure, ...] = ()
    counts: tuple[AnsweredCount, ...] = ()
    verdicts_a: Mapping[str, int] = field(default_factory=dict)
    verdicts_b: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Summary(Figures):
    """The figures and the verdict of an attack, or of a campaign with those of its parts under `levels`.

    `headline` is the answer in one sentence: what was held, or why not.
    """

    version: str | None = None
    target: str | None = None
    addresses: tuple[str, ...] = ()
    started: str | None = None
    duration_s: float | None = None
    verdict: Verdict = field(default_factory=Verdict)
    headline: str = ""
    clients: ClientFigures = field(default_factory=ClientFigures)
    messages: MessageFigures = field(default_factory=MessageFigures)
    rates: RateFigures = field(default_factory=RateFigures)
    latency_ms: Mapping[str, LatencyFigures] = field(default_factory=dict)
    broker: BrokerFigures = field(default_factory=BrokerFigures)
    generator: GeneratorFigures = field(default_factory=GeneratorFigures)
    bees: tuple[BeeFigures, ...] = ()
    steady: SteadyFigures = field(default_factory=SteadyFigures)
    surges: tuple[SurgeFigures, ...] = ()
    recovery: RecoveryFigures = field(default_factory=RecoveryFigures)
    stalls: StallFigures = field(default_factory=StallFigures)
    episodes: tuple[EpisodeFigures, ...] = ()
    capacity: CapacityFigures | None = None
    loop: LoopFigures | None = None
    comparison: ComparisonFigures | None = None
    repeats: tuple[RepeatFigures, ...] | None = None
    levels: tuple[LevelSummary, ...] = ()

    def __iter__(self) -> Iterator[str]:
        """Give the keys. Those of `_RARE` are only in a summary that has them."""
        return (name for name in super().__iter__() if name not in _RARE or getattr(self, name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, eq=False)
class LevelSummary(Summary):
    """The summary of one part of a campaign, and which part it is. `run` is its directory; None: it was not run."""

    title: str = ""
    variant: str = ""
    level: int = 0
    run: str | None = None


_LATER_OF_BROKER: Final = (
    "cpu_limit_percent", "throttled_percent", "busiest_thread_percent", "descriptors", "descriptors_limit",
    "memory_limit_bytes", "ended_s",
)  # fmt: skip


def summary_schema() -> dict[str, Any]:
    """Return the JSON Schema of `summary.json`."""
    schema = TypeAdapter(Summary).json_schema(mode="serialization")
    later = [("MessageFigures", name) for name in ("unacked", "duplicated_qos_2", "overlapping")]
    newer = ("addresses", "headline", "bees", "stalls", "episodes")
    later += [(shape, name) for shape in ("Summary", "LevelSummary") for name in newer]
    later += [("BrokerFigures", name) for name in _LATER_OF_BROKER]
    later += [("SteadyFigures", name) for name in ("ack_p99_ms", "longest_stall_ms")]
    for definition, name in later:
        schema["$defs"].get(definition, schema)["required"].remove(name)  # not in summaries of version 0.1.0
    for figures in (schema, schema["$defs"]["LevelSummary"]):
        for name in _RARE:
            figures["required"].remove(name)
    for name in ("loop", "cleaned", "triggers", "edge", "cost_s"):  # not in summaries of version 0.1.0
        schema["$defs"]["CapacityFigures"]["required"].remove(name)
    return schema
