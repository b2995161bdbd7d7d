"""Runs that never happened, with realistic figures: for tests of what judges and shows a run.

The load is the seed's: so many clients, 500 bytes every 6 seconds, QoS 1, one subscriber that hears it all. The counts
add up like those of a real run; the latencies come from a fixed seed, so that golden texts stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final, Literal

import numpy as np

from malaria.analysis.campaign_figures import summarize_campaign
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Figures, Summary, SurgeFigures, Verdict
from malaria.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.histogram import Histogram
from malaria.records.perf_profile import Profile, ProfileRow
from malaria.records.rows import (
    Counter,
    Event,
    EventKind,
    Gauge,
    LedgerTotals,
    Metric,
    Observation,
    Reading,
    RunPhase,
    Sample,
)
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.records.sample_histograms import merged_histogram
from malaria.records.store import FORMAT
from malaria.report.markdown.campaign_markdown import render_campaign_markdown
from malaria.report.page.campaign_page import render_campaign_page

type Trouble = Literal["falls-behind", "lost-worker", "generator-limit", "unfinished"]

CONNECT_S: Final = 3
DRAIN_S: Final = 1
INTERVAL_S: Final = 6
SIZE_BYTES: Final = 500
HELD: Final = SurgeFigures(
    group="meters", clients=500, at_s=60.0, until_s=180.0, held=True, recovered=True, recovery_s=4.1, watched_s=60.0,
    metastable=False,
)  # fmt: skip
STUCK: Final = replace(
    HELD, clients=1000, held=False, broke=("broker.dropped",), recovered=False, recovery_s=None, metastable=True,
    reasons=("acked <431>", "1,204 dropped"),
)  # fmt: skip
PROFILE: Final = Profile(
    samples=100,
    rows=(
        ProfileRow(60.0, 60, "mosquitto", "[kernel.kallsyms]", "tcp_poll"),
        ProfileRow(30.0, 30, "mosquitto", "mosquitto", "mosquitto_main_loop"),
        ProfileRow(10.0, 10, "mosquitto", "libc.so.6", "malloc"),
    ),
    stacks={
        "mosquitto;main;mosquitto_main_loop;poll;tcp_poll_[k]": 60,
        "mosquitto;main;mosquitto_main_loop": 30,
        "mosquitto;main;packet__write;malloc": 10,
    },
    seconds=20.0,
    event="cpu-clock",
)


@dataclass(frozen=True)
class _Second:
    """What one worker does in one second."""

    number: int  # it ends at this second of run time
    phase: RunPhase
    due: int
    acked: int
    held: int  # due and not yet acknowledged at its end


class _Worker:
    """Makes one worker's samples, second by second."""

    def __init__(self, name: str, clients: int, trouble: Trouble | None, seed: int) -> None:
        self.name = name
        self.clients = clients
        self.trouble = trouble
        self._random = np.random.default_rng(seed)
        self._cpu_ns = 180 * NS_PER_MS

    def connecting(self, number: int) -> Sample:
        """A second of the ramp."""
        ready = self.clients * number // CONNECT_S
        fresh = ready - self.clients * (number - 1) // CONNECT_S
        counters = {Counter.CONNECTED: fresh, Counter.TURNS: 900, Counter.BYTES_SENT: fresh * 40}
        packed = {Metric.CONNECT: self._values(fresh, 2_200 * NS_PER_US, 0.5)}
        return self._sample(_Second(number, RunPhase.CONNECT, 0, 0, 0), counters, packed, ready)

    def second(self, second: _Second) -> Sample:
        """A second of load."""
        counters = {
            Counter.DUE: second.due,
            Counter.SENT: second.due,
            Counter.ACKED: second.acked,
            Counter.DELIVERED: second.acked,
            Counter.ARRIVED: second.acked,
            Counter.BYTES_SENT: second.due * (SIZE_BYTES + 30),
            Counter.BYTES_RECEIVED: second.acked * (SIZE_BYTES + 34),
            Counter.SENDS: second.due,
            Counter.TURNS: 700,
        }
        late_ns = 41 * NS_PER_MS if self.trouble == "generator-limit" else 90 * NS_PER_US
        wait_ns = second.held * NS_PER_S // max(second.acked, 1)  # the queue that a new message finds
        lag = self._values(second.due, late_ns, 0.4)
        packed = {
            Metric.LAG: lag,
            Metric.OWN_LAG: lag,
            Metric.SERVICE: self._values(second.acked, 1_100 * NS_PER_US + wait_ns, 0.45),
            Metric.ACK: self._values(second.acked, 1_200 * NS_PER_US + wait_ns + late_ns, 0.45),
            Metric.END_TO_END: self._values(second.acked, 1_900 * NS_PER_US + wait_ns + late_ns, 0.45),
        }
        return self._sample(second, counters, packed, self.clients)

    def collecting(self, number: int, unfinished: int) -> Sample:
        """The last sample: what never got an answer."""
        packed = {Metric.UNFINISHED: self._values(unfinished, 2 * NS_PER_S, 0.2)}
        return self._sample(
            _Second(number, RunPhase.FINISH, 0, 0, unfinished), {Counter.TURNS: 40}, packed, self.clients
        )

    def _sample(self, second: _Second, counters: dict[Counter, int], packed: dict[Metric, bytes], ready: int) -> Sample:
        busy_percent = 99 if self.trouble == "generator-limit" else 3 + second.due // 200
        self._cpu_ns += busy_percent * NS_PER_S // 100
        gauges = {
            Gauge.CLIENTS_CONNECTED: ready,
            Gauge.CLIENTS_READY: ready,
            Gauge.INFLIGHT: second.held,
            Gauge.CPU_NS: self._cpu_ns,
            Gauge.RSS_BYTES: 38_000_000 + 1_500 * ready,
            Gauge.TURN_MAX_NS: 400 * NS_PER_US,
            Gauge.LAG_MAX_NS: 900 * NS_PER_US,
        }
        return Sample(
            worker=self.name,
            start_ns=(second.number - 1) * NS_PER_S,
            end_ns=second.number * NS_PER_S,
            phase=second.phase,
            counters={name.value: value for name, value in counters.items() if value},
            gauges={name.value: value for name, value in gauges.items()},
            histograms={metric.value: data for metric, data in packed.items() if data},
        )

    def _values(self, count: int, middle_ns: int, spread: float) -> bytes:
        if not count:
            return b""
        histogram = Histogram()
        histogram.record_many(self._random.lognormal(np.log(middle_ns), spread, count).astype(np.int64))
        return histogram.to_bytes()


@cache  # a run is not changed by who reads it
def make_run(seconds: int = 30, workers: int = 2, clients: int = 3000, trouble: Trouble | None = None) -> Run:
    """A run of `seconds` measured seconds. `trouble`: what went wrong; None is a PASS.

    "falls-behind": from the second third on the broker acknowledges 86 %, catches up with nothing, and the rest stays
    open. "lost-worker": the last worker dies half-way. "generator-limit": ours left late and used a whole core.
    "unfinished": 1 in 50 messages of the last ten seconds was never acknowledged.
    """
    names = [str(number) for number in range(1, workers + 1)]
    samples: list[Sample] = []
    open_messages = 0
    for index, name in enumerate(names):
        worker = _Worker(name, _part(clients, workers, index), trouble, seed=index + 1)
        made, still_open = _course(worker, seconds)
        if trouble == "lost-worker" and index == workers - 1:
            made = [sample for sample in made if sample.end_ns <= (CONNECT_S + seconds // 2) * NS_PER_S]
        samples += made
        open_messages += still_open
    samples.sort(key=lambda sample: (sample.end_ns, sample.worker))
    return Run(
        meta=RunMeta.model_validate(_meta(seconds, names, clients, trouble)),
        samples=tuple(samples),
        events=tuple(_events(seconds, names, trouble)),
        ledger=_ledger(samples, open_messages, trouble),
    )


def with_meta(records: Run, **facts: object) -> Run:
    """The same run with other facts; None takes one away."""
    meta = records.meta.known() | facts
    return replace(records, meta=RunMeta.model_validate({k: v for k, v in meta.items() if v is not None}))


def with_late_reports(records: Run, seconds: Iterable[int], worker: str = "1") -> Run:
    """Return the run with each of these seconds in the report of the next one, which ends 0.2 s late: 2.2 s at once.

    Both seconds lack a report of this worker then, and the second after them covers three.
    """
    samples = {(sample.worker, sample.end_ns // NS_PER_S): sample for sample in records.samples}
    for number in seconds:
        first, last = samples.pop((worker, number)), samples[worker, number + 1]
        end_ns = last.end_ns + NS_PER_S // 5
        counters = {name: first.counters.get(name, 0) + last.counters.get(name, 0) for name in first.counters}
        packed = {metric: merged_histogram((first, last), metric).to_bytes() for metric in first.histograms}
        joined = replace(last, start_ns=first.start_ns, end_ns=end_ns, counters=counters, histograms=packed)
        samples[worker, number + 1] = joined
        if (after := samples.get((worker, number + 2))) is not None:
            samples[worker, number + 2] = replace(after, start_ns=end_ns)
    return replace(records, samples=tuple(sorted(samples.values(), key=lambda s: (s.end_ns, s.worker))))


def made_by_bees(records: Run, **facts: object) -> Run:
    """Return the run as one of a swarm: worker 1 is the one of bee-1, worker 2 that of bee-2, and so on."""
    workers = {worker: f"bee-{worker}/1" for worker in records.meta.workers or ()}
    samples = tuple(replace(sample, worker=workers[sample.worker]) for sample in records.samples)
    lost = [
        {
            "worker": f"bee-{one.worker}",
            "share": one.share,
            "reason": "went silent",
            "clients": 300,
            "since_ns": 9 * NS_PER_S,
        }
        for one in records.meta.lost_workers
    ]
    clients = (records.meta.clients_planned or 0) // len(workers)
    swarm: dict[str, object] = {
        "workers": list(workers.values()),
        "worker_facts": [
            {"worker": worker, "clients": clients, "started_ns": 3 * NS_PER_S + 200_000 * place, "connect_failures": {}}
            for place, worker in enumerate(workers.values())
        ],
        "lost_workers": lost,
        "swarm": {"name": "bees", "run": "0123456789ab"},
        "bee_environments": {
            f"bee-{worker}": {"host": f"host-{worker}", "system": "Linux 6.8 x86_64", "cores": 4, "malaria": "0.1.0",
                              "memory_bytes": 8 * 2**30, "open_files_limit": {"soft": 1_048_576, "hard": 1_048_576},
                              "ephemeral_ports": "1024–65535"}
            for worker in workers
        },
        "clocks": {"error_ns": 400_000, "bees": [
            {"bee": f"bee-{worker}", "last": {"at_ns": 9 * NS_PER_S, "offset_ns": -12_300_000, "error_ns": 150_000},
             "worst_error_ns": 200_000, "steps": 0}
            for worker in workers
        ]},
        "start": {"first_ns": 3 * NS_PER_S, "last_ns": 3 * NS_PER_S + 200_000, "spread_ns": 200_000},
    }  # fmt: skip
    return with_meta(replace(records, samples=samples), **swarm | facts)


def with_figures(summary: Summary, **tables: Any) -> Summary:
    """The same summary with other figures: a mapping changes those of a table, anything else takes its place."""
    changes = {
        name: replace(getattr(summary, name), **value)
        if isinstance(value, Mapping) and isinstance(getattr(summary, name), Figures)
        else value
        for name, value in tables.items()
    }
    return replace(summary, **changes)


def judged(outcome: str, *reasons: str) -> Verdict:
    """A verdict of which only the texts matter."""
    return Verdict(Outcome(outcome), tuple(Reason(Outcome(outcome), reason) for reason in reasons))


def make_campaign(runs: Sequence[Run], title: str = "campaign") -> CampaignRecords:
    """A campaign of levels that were run, in `level-1`, `level-2`, …"""
    parts = [
        CampaignPart(
            level=number,
            title=records.meta.title or f"level {number}",
            variant="",
            clients=records.meta.clients_planned or 0,
            note="",
            directory=f"level-{number}",
            state=PartState.DONE,
            clean=True,
            clean_reason="started for this level",
            command=records.meta.command or "",
        )
        for number, records in enumerate(runs, 1)
    ]
    broker = {"kind": "mosquitto", "name": "mosquitto", "version": "2.0.21", "settings": "listener 1883\n"}
    command, started, ended = "malaria campaign meters.toml", "2026-11-27T10:00:00+00:00", "2026-11-27T10:05:00+00:00"
    return CampaignRecords(title, "", "meters.toml", command, started, broker, tuple(parts), ended=ended)


def by_directory(runs: Sequence[Run]) -> dict[str, tuple[Run, Summary]]:
    """The runs of `make_campaign` as its page takes them."""
    return {f"level-{number}": (records, summarize(records)) for number, records in enumerate(runs, 1)}


def campaign_summary(campaign: CampaignRecords, levels: Mapping[str, tuple[Run, Summary]]) -> Summary:
    return summarize_campaign(campaign, {name: summary for name, (_, summary) in levels.items()})


def campaign_page(campaign: CampaignRecords, levels: Mapping[str, tuple[Run, Summary]]) -> str:
    return render_campaign_page(campaign, levels, campaign_summary(campaign, levels))


def campaign_markdown(campaign: CampaignRecords, levels: Mapping[str, tuple[Run, Summary]]) -> str:
    return render_campaign_markdown(campaign, levels, campaign_summary(campaign, levels))


def make_whole_campaign() -> tuple[CampaignRecords, dict[str, tuple[Run, Summary]]]:
    """One that has everything: a level with a variant, one with surges, one that fails, one that was not run."""
    told = ((600, None), (3000, None), (3000, None), (3000, None), (4000, "falls-behind"))
    runs = [observed(make_run(12, 1, clients, trouble)) for clients, trouble in told]  # type: ignore[arg-type]
    runs[3] = _with_surges(runs[3])
    campaign = make_campaign(runs, "500 bytes at 1/6 Hz")
    names = ((1, "600 clients", ""), (2, "3,000 clients", ""), (2, "3,000 clients", "QoS 0 publishers"),
             (3, "3,000 clients, +500", ""), (4, "4,000 clients", ""))  # fmt: skip
    parts = [replace(part, level=level, title=title, variant=variant, note="What the field has." if level == 2 else "")
             for part, (level, title, variant) in zip(campaign.parts, names, strict=True)]  # fmt: skip
    parts.append(CampaignPart(5, "5,000 clients", "", 5000, why="a level before it failed, and on_fail is stop"))
    levels = by_directory(runs)
    for name, tables in (("level-3", {"broker": {"cpu_percent": 45.0}}), ("level-4", {"surges": (HELD, STUCK)})):
        records, summary = levels[name]
        levels[name] = records, with_figures(summary, **tables)
    return replace(
        campaign,
        parts=tuple(parts),
        note="As in 2013.",
        options={"hold": "12s"},
        source='title = "500 bytes at 1/6 Hz"\n',
    ), levels


def _with_surges(records: Run) -> Run:
    marks = ((5, "+500 clients"), (8, "−500 clients"), (10, "+1,000 clients"), (12, "−1,000 clients"))
    events = [Event(at_s * NS_PER_S, EventKind.SURGE, text) for at_s, text in marks]
    together = tuple(sorted([*records.events, *events], key=lambda event: event.at_ns))
    return replace(with_meta(records, surges=[{"group": "meters", "clients": 500}]), events=together)


def observed(records: Run) -> Run:
    """The same run, watched: `$SYS` every five seconds, process and host every second, perf once.

    The broker's CPU is a percent for every 50 clients; it keeps a message for each of them.
    """
    clients = records.meta.clients_planned or 0
    last_s = max((sample.end_ns for sample in records.samples), default=0) // NS_PER_S
    rows = [row for second in range(1, last_s + 1) for row in _seen(second, clients)]
    names = ("sys", "process", "host", "perf")
    told = [{"observer": name, "about": f"{name} of the target", "stated": True, "interval_s": 1.0, "samples": last_s,
             "late_samples": 0, "dropped_rows": 0, "gaps": 0, "reason": ""} for name in names]  # fmt: skip
    return replace(with_meta(records, observers=told), observations=tuple(rows), profile=PROFILE)


def _seen(second: int, clients: int) -> list[Observation]:
    at_ns, rate = second * NS_PER_S - NS_PER_S // 10, clients / INTERVAL_S
    rows = [
        Observation("process", at_ns, {"cpu_percent": clients / 50, "rss_bytes": 5_000_000 + 8_000 * clients,
                                       "restarts": 0, "name": "mosquitto"}),
        Observation("host", at_ns, {"cpu_percent": clients / 80, "memory_used_bytes": 310_000_000,
                                    "memory_bytes": 2_000_000_000}),
    ]  # fmt: skip
    if second % 5 == 1:
        figures: dict[str, Reading] = {
            "version": "mosquitto version 2.0.21", "clients_connected": clients + 2, "messages_stored": clients + 68,
            "messages_inflight": 2, "publish_dropped": 3, "heap_bytes": 15_612_056,
            "messages_received_per_s": 2 * rate, "messages_sent_per_s": 3 * rate,
        }  # fmt: skip
        topics: dict[str, Reading] = {
            "$SYS/broker/clients/active": str(clients + 2), "$SYS/broker/uptime": f"{second} seconds",
            "$SYS/broker/load/messages/received/1min": f"{120 * rate:.2f}",
            "$SYS/broker/messages/stored": str(clients + 68), "$SYS/broker/publish/messages/dropped": "3",
        }  # fmt: skip
        rows.append(Observation("sys", at_ns, figures | topics))
    return rows


def _part(total: int, parts: int, index: int) -> int:
    return total * (index + 1) // parts - total * index // parts


def _course(worker: _Worker, seconds: int) -> tuple[list[Sample], int]:
    """The samples of one worker, and how many of its messages never got an answer."""
    samples = [worker.connecting(number) for number in range(1, CONNECT_S + 1)]
    held = 0
    for index in range(seconds):
        due = _part(worker.clients, INTERVAL_S, index % INTERVAL_S)
        missing = _unanswered(worker.trouble, due, index, seconds)
        held += missing
        samples.append(worker.second(_Second(CONNECT_S + 1 + index, RunPhase.MEASURE, due, due - missing, held)))
    end = CONNECT_S + seconds + DRAIN_S
    samples.append(worker.second(_Second(end, RunPhase.DRAIN, 0, 0, held)))
    samples.append(worker.collecting(end + 1, held))
    return samples, held


def _unanswered(trouble: Trouble | None, due: int, index: int, seconds: int) -> int:
    if trouble == "falls-behind" and index >= seconds // 3:
        return due * 14 // 100
    if trouble == "unfinished" and index >= seconds - 10:
        return due // 50
    return 0


def _meta(seconds: int, workers: list[str], clients: int, trouble: Trouble | None) -> dict[str, object]:
    meta: dict[str, Any] = {
        "format": FORMAT,
        "malaria_version": "0.1.0",
        "command": f"malaria attack mqtt://broker:1883 -c {clients} -I 6s -s 500 -q 1 -d {seconds}s",
        "target": "mqtt://broker:1883",
        "started": "2026-11-22T17:51:00+00:00",
        "epoch_wall_ns": 1_795_369_860 * NS_PER_S,
        "title": "meters",
        "load": f"{clients:,} clients · 500 B · QoS 1 · every 6 s · {seconds} s",
        "closed_loop": False,
        "tracked": True,
        "publishing": True,
        "acknowledged": True,
        "subscribing": True,
        "clients_planned": clients,
        "workers": workers,
        "rate_planned_per_s": clients / INTERVAL_S,
        "duration_planned_s": float(seconds),
        "thresholds": ["ack.p99 < 500ms", "messages.acked_lost == 0"],
        "warhead_toml": f'[[group]]\nname = "meters"\nclients = {clients}\ninterval = "6s"\nqos = 1\nsize = "500"\n',
        "environment": {"host": "bench", "system": "Linux 6.12.0 x86_64", "processor": "AMD EPYC 9R14", "cores": 4,
                        "memory_bytes": 8_000_000_000, "open_files_limit": {"soft": 1024, "hard": 524_288},
                        "python": "CPython 3.13.5"},
        "broker": {"name": "mosquitto", "version": "2.0.21"},
        "own_lag_limit_ns": 5 * NS_PER_MS,
        "measure_start_ns": CONNECT_S * NS_PER_S,
        "measure_end_ns": (CONNECT_S + seconds) * NS_PER_S,
        "end_ns": (CONNECT_S + seconds + DRAIN_S + 1) * NS_PER_S,
        "connect_failures": {},
        "lost_workers": [],
    }  # fmt: skip
    if trouble == "lost-worker":
        share = f"1/{len(workers)}"
        meta["lost_workers"] = [{"worker": workers[-1], "share": share, "reason": "was killed by SIGKILL"}]
    return meta


def _events(seconds: int, workers: list[str], trouble: Trouble | None) -> list[Event]:
    phases = {RunPhase.CONNECT: 0, RunPhase.MEASURE: CONNECT_S, RunPhase.DRAIN: CONNECT_S + seconds,
              RunPhase.FINISH: CONNECT_S + seconds + DRAIN_S}  # fmt: skip
    events = [Event(at_s * NS_PER_S, EventKind.PHASE, phase.value) for phase, at_s in phases.items()]
    if trouble == "lost-worker":
        at_ns = (CONNECT_S + seconds // 2) * NS_PER_S
        events.append(Event(at_ns, EventKind.LOST, f"worker {workers[-1]} was killed by SIGKILL"))
    return sorted(events, key=lambda event: event.at_ns)


def _ledger(samples: list[Sample], open_messages: int, trouble: Trouble | None) -> LedgerTotals:
    def total(counter: Counter) -> int:
        return sum(sample.counters.get(counter, 0) for sample in samples)

    lost_worker = trouble == "lost-worker"
    note = "A worker was lost: counts go up to its last report, and deliveries cannot be settled."
    return LedgerTotals(
        due=total(Counter.DUE),
        sent=total(Counter.SENT),
        acked=total(Counter.ACKED),
        expected=None if lost_worker else total(Counter.SENT),
        delivered=None if lost_worker else total(Counter.DELIVERED),
        duplicated=None if lost_worker else 0,
        reordered=None if lost_worker else 0,
        lost=None if lost_worker else 0,
        acked_lost=None if lost_worker else 0,
        unresolved=None if lost_worker else open_messages,
        notes=(note,) if lost_worker else (),
    )


# --- one worker, second by second ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Course:
    """A run of which each second is stated. Second n (from 1) ends at n s; all columns are as long as `due`.

    `acked` defaults to what is due, `ack_ms` to 2 ms for every message. `surges` are (clients, from s, until s);
    `told` is what the broker says on $SYS at which time: (s, {name: value}).
    """

    due: Sequence[int]
    acked: Sequence[int] = ()
    ack_ms: Sequence[float] = ()
    dropped: Mapping[int, int] = field(default_factory=dict)  # connections, by second
    ready: Mapping[int, int] = field(default_factory=dict)  # clients at the end of a second, where not 100
    late: Mapping[int, float] = field(default_factory=dict)  # milliseconds of our own lag, by second
    surges: Sequence[tuple[int, int, int | None]] = ()
    told: Sequence[tuple[float, Mapping[str, Reading]]] = ()
    meta: Mapping[str, object] = field(default_factory=dict)

    def run(self) -> Run:
        seconds = len(self.due)
        acked = self.acked or self.due
        samples = [self._sample(number, acked[number - 1]) for number in range(1, seconds + 1)]
        open_messages = sum(self.due) - sum(acked)
        meta = _meta(seconds, ["1"], 100, None) | {
            "measure_start_ns": 0,
            "measure_end_ns": seconds * NS_PER_S,
            "end_ns": seconds * NS_PER_S,
            "thresholds": [],
            "surges": [_surge(*surge) for surge in self.surges],
        }
        return Run(
            meta=RunMeta.model_validate(meta | self.meta),
            samples=tuple(samples),
            events=(),
            ledger=LedgerTotals(sum(self.due), sum(self.due), sum(acked), None, None, None, None, None, None,
                                max(open_messages, 0)),
            observations=tuple(Observation("sys", round(at_s * NS_PER_S), values) for at_s, values in self.told),
        )  # fmt: skip

    def _sample(self, number: int, acked: int) -> Sample:
        due = self.due[number - 1]
        ack_ms = self.ack_ms[number - 1] if self.ack_ms else 2.0
        late_ms = self.late.get(number, 0.1)
        counters = {Counter.DUE: due, Counter.SENT: due, Counter.ACKED: acked, Counter.DELIVERED: acked,
                    Counter.DROPPED: self.dropped.get(number, 0)}  # fmt: skip
        packed = {Metric.ACK: _repeated(acked, ack_ms), Metric.OWN_LAG: _repeated(due, late_ms)}
        return Sample(
            worker="1",
            start_ns=(number - 1) * NS_PER_S,
            end_ns=number * NS_PER_S,
            phase=RunPhase.MEASURE,
            counters={name.value: value for name, value in counters.items() if value},
            gauges={Gauge.CLIENTS_READY.value: self.ready.get(number, 100)},
            histograms={metric.value: data for metric, data in packed.items() if data},
        )


def _repeated(count: int, ms: float) -> bytes:
    if not count:
        return b""
    histogram = Histogram()
    histogram.record_many(np.full(count, round(ms * NS_PER_MS), np.int64))
    return histogram.to_bytes()


def _surge(clients: int, from_s: int, until_s: int | None) -> dict[str, object]:
    gone = None if until_s is None else until_s * NS_PER_S
    add_ns = from_s * NS_PER_S
    return {"group": "meters", "clients": clients, "add_ns": add_ns, "added_ns": add_ns + NS_PER_S // 2,
            "remove_ns": gone, "removed_ns": gone}  # fmt: skip
