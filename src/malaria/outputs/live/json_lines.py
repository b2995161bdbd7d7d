"""An attack as lines of JSON while it runs: one a second, one for each mark, and at the end one with the verdict.

`malaria schema json-lines` prints their schema. Keys are stable, unknown is null, times are in UTC.

Promises: a reader that leaves or stands still, and a full disk, cost lines and nothing else; a line is written whole or
not at all, except the last one on a full disk. Lines that are dropped are counted, and reported at the end.
"""

from __future__ import annotations

import json
import os
import select
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from malaria.clock import NS_PER_S, wall_ns
from malaria.outputs.live.background_sink import BackgroundSink
from malaria.outputs.live.followed_attack import FollowedAttack, run_name
from malaria.outputs.live.live_figures import read_summary
from malaria.records.rows import Counter, Event, Gauge, Metric, Observation, Progress, Sample
from malaria.units import format_things

STDOUT: Final = "-"
_STDOUT_DESCRIPTOR: Final = 1
_LATENCIES: Final = (Metric.CONNECT, Metric.ACK, Metric.END_TO_END, Metric.OWN_LAG)


class _JsonLine(BaseModel):
    """The keys of every line. `run_s` counts from the start of the run, `load_s` from that of the measured load."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)
    time: str
    run: str
    run_s: float | None = None
    load_s: float | None = None


class ClientNumbers(BaseModel):
    """The clients that are planned, those with a connection, and those that do what they are there for."""

    planned: int
    connected: int
    ready: int


class SecondRates(BaseModel):
    """Messages per second: what the schedule asks for (null: a closed loop), and what came of it."""

    due_per_s: float | None
    sent_per_s: float | None
    acked_per_s: float | None
    delivered_per_s: float | None


class LatencyPoints(BaseModel):
    """A latency in milliseconds. p99 is null for fewer than 100 values."""

    p50: float | None = None
    p99: float | None = None
    max: float | None = None


class LatestCpu(BaseModel):
    """The CPU of the broker, in percent of one core, and of its host, as far as observers see them."""

    broker_percent: float | None = None
    host_percent: float | None = None


class SecondLine(_JsonLine):
    """The state of the attack.

    `rates` and `latency_ms` are those of the last second that all workers have reported; null if no new one is there
    since the line before. `latency_so_far_ms` and `totals` are those since the start; totals have the warm-up as well.
    """

    kind: Literal["second"] = "second"
    phase: str
    clients: ClientNumbers
    rates: SecondRates | None
    latency_ms: dict[str, LatencyPoints] | None
    latency_so_far_ms: dict[str, LatencyPoints]
    totals: dict[str, int]
    cpu: LatestCpu


class EventLine(_JsonLine):
    """A mark on the time axis. `count` is the number of like troubles that it stands for."""

    kind: Literal["event"] = "event"
    event: str
    text: str
    worker: str
    count: int


class VerdictLine(_JsonLine):
    """The end of an attack, or of a campaign: the last line of its run. `messages` is the account of `summary.json`.

    `outcome` is null if there is no verdict; `failure` says why.
    """

    kind: Literal["verdict"] = "verdict"
    outcome: str | None
    headline: str
    reasons: list[str]
    messages: dict[str, int | None]
    failure: str = ""


type AnyLine = Annotated[SecondLine | EventLine | VerdictLine, Field(discriminator="kind")]


def json_lines_schema() -> dict[str, Any]:
    """Return the JSON Schema of a line."""
    return TypeAdapter(AnyLine).json_schema(mode="serialization")


class AttackLines:
    """A follower that writes lines. `file` is a path, or `-` for standard output; `root` the command's directory.

    Raises OSError if the file cannot be opened.
    """

    def __init__(self, file: str, root: Path) -> None:
        self._flag = f"--json-lines {file}"
        self._root = root
        self._file: FileIO | None = _opened(file)
        self._sink = BackgroundSink("json lines")
        self._attack: FollowedAttack | None = None
        self._load_start_ns: int | None = None
        self._second_end_ns = 0
        self._next_ns = 0

    # --- on the thread of the attack -------------------------------------------------------------------------------

    def begin(self, attack: FollowedAttack) -> None:
        self._next_ns = 0
        self._sink.put(partial(self._begin, attack))

    def sample(self, sample: Sample) -> None:
        """Do nothing: the lines have the figures of all workers together."""

    def observation(self, row: Observation) -> None:
        """Do nothing: `malaria watch --json-lines` prints these rows."""

    def event(self, event: Event) -> None:
        self._sink.put(partial(self._event, event))

    def progress(self, progress: Progress) -> None:
        if progress.at_ns >= self._next_ns:
            self._next_ns = (progress.at_ns // NS_PER_S + 1) * NS_PER_S
            self._sink.put(partial(self._second, progress))

    def end(self, failure: str) -> None:
        self._sink.put(partial(self._end, failure))

    def close(self) -> str:
        """Write the verdict of a campaign, if it was one, and end. Return what there is to tell."""
        if not self._broken():
            self._sink.put(self._end_campaign)
        if self._sink.close():
            return ""
        missing = self._sink.dropped
        return f"{self._flag}: {format_things(missing, 'line')} {'was' if missing == 1 else 'were'} not written"

    def _broken(self) -> bool:
        return self._sink.failure is not None

    # --- on the thread of the sink ---------------------------------------------------------------------------------

    def _begin(self, attack: FollowedAttack) -> None:
        self._attack, self._load_start_ns, self._second_end_ns = attack, None, 0

    def _second(self, progress: Progress) -> None:
        self._load_start_ns = progress.load_start_ns
        second, gauges = progress.second, progress.gauges
        fresh = second is not None and second.end_ns > self._second_end_ns
        self._second_end_ns = second.end_ns if second is not None else 0
        line = SecondLine(
            **self._place(progress.at_ns),
            phase=progress.phase,
            clients=ClientNumbers(
                planned=progress.clients_planned,
                connected=gauges.get(Gauge.CLIENTS_CONNECTED, 0),
                ready=gauges.get(Gauge.CLIENTS_READY, 0),
            ),
            rates=_rates(progress) if fresh else None,
            latency_ms=_points(progress.second_latency_ms) if fresh else None,
            latency_so_far_ms=_points(progress.latency_ms),
            totals={counter.value: progress.totals.get(counter, 0) for counter in Counter},
            cpu=LatestCpu(
                broker_percent=progress.target_percent.get("broker"), host_percent=progress.target_percent.get("host")
            ),
        )
        self._write(line)

    def _event(self, event: Event) -> None:
        place = self._place(event.at_ns)
        self._write(EventLine(**place, event=event.kind, text=event.text, worker=event.worker, count=event.count))

    def _end(self, failure: str) -> None:
        # an attack may end before it began
        if self._attack is not None:
            self._write(_verdict(self._attack.directory, self._place(None), failure))

    def _end_campaign(self) -> None:
        if self._attack is not None and self._attack.directory != self._root and read_summary(self._root):
            self._write(_verdict(self._root, self._place(None) | {"run": run_name(self._root, self._root)}))

    def _place(self, at_ns: int | None) -> dict[str, Any]:
        """Return what every line has; without a moment it is now, which has no place on the axis of the run."""
        if self._attack is None:
            return {"time": _utc(wall_ns()), "run": run_name(self._root, self._root)}
        name = run_name(self._attack.directory, self._root)
        if at_ns is None:
            return {"time": _utc(wall_ns()), "run": name}
        start_ns = self._load_start_ns
        return {
            "time": _utc((self._attack.facts.epoch_wall_ns or 0) + at_ns),
            "run": name,
            "run_s": round(at_ns / NS_PER_S, 3),
            "load_s": None if start_ns is None else round((at_ns - start_ns) / NS_PER_S, 3),
        }

    def _write(self, line: _JsonLine) -> None:
        """Write a line. When the file takes no more, say so once, and write nothing any more."""
        if self._file is None:
            return
        # ASCII: nothing in it can do anything to a terminal
        rest = memoryview(json.dumps(line.model_dump(), allow_nan=False).encode() + b"\n")
        try:
            while rest:
                rest = rest[self._file.write(rest) or _wait(self._file) :]
        except OSError as error:
            self._file = None
            if self._attack is not None:
                self._attack.note(f"{self._flag}: {_reason(error)}; no more lines are written")


def _opened(file: str) -> FileIO:
    """Open the file raw: a line is one write, so a reader never waits for a buffer. Raises OSError."""
    if file == STDOUT:
        return FileIO(os.dup(_STDOUT_DESCRIPTOR), "w")
    # without O_NONBLOCK a named pipe would be waited for until somebody reads it, and Ctrl-C would not end that
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    os.set_blocking(descriptor, True)
    return FileIO(descriptor, "w")


def _wait(file: FileIO) -> int:
    """Wait until a file that does not block takes bytes. Return 0: none were written."""
    poll = select.poll()
    poll.register(file, select.POLLOUT)
    poll.poll()
    return 0


def _rates(progress: Progress) -> SecondRates | None:
    second = progress.second
    if second is None:
        return None
    sent, acked, delivered = (
        second.per_s.get(counter, 0) for counter in (Counter.SENT, Counter.ACKED, Counter.DELIVERED)
    )
    return SecondRates(due_per_s=progress.due_now_per_s, sent_per_s=sent, acked_per_s=acked, delivered_per_s=delivered)


def _points(latencies: Mapping[str, Mapping[str, float]]) -> dict[str, LatencyPoints]:
    """Return the latencies that lines have, each with all of its keys."""
    return {metric.value: LatencyPoints(**latencies.get(metric, {})) for metric in _LATENCIES}


def _verdict(directory: Path, place: Mapping[str, Any], failure: str = "") -> VerdictLine:
    summary = {} if failure else read_summary(directory)
    verdict = summary.get("verdict", {})
    return VerdictLine(
        **place,
        outcome=verdict.get("outcome"),
        headline=summary.get("headline", ""),
        reasons=verdict.get("reasons", []),
        messages=summary.get("messages", {}),
        failure=failure if failure or summary else "its summary was not written",
    )


def _utc(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / NS_PER_S, UTC).isoformat(timespec="milliseconds")


def _reason(error: OSError) -> str:
    return "the reader left" if isinstance(error, BrokenPipeError) else error.strerror or str(error)
