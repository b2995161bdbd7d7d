"""The target during a run, as plain texts: CPU and memory, `$SYS`, queues, and what the observers missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.analysis.broker_figures import SYS, mean_inside
from malaria.analysis.headline import ON_TARGET
from malaria.analysis.load_rates import asked_per_s
from malaria.analysis.losses import missing_words
from malaria.analysis.summary_figures import BrokerFigures, QueueFigures, Summary
from malaria.analysis.windows import measured_window_ns
from malaria.observe.sys_names import TOPICS_BY_NAME, meaning_of
from malaria.records.run import Run
from malaria.records.run_meta import ObserverFacts
from malaria.report.figure_text import UNKNOWN
from malaria.units import format_bytes, format_count, format_rate

FIRST: Final = (
    "clients_connected", "messages_received_per_min", "messages_sent_per_min", "messages_stored", "messages_dropped",
    "publish_dropped", "heap_bytes", "bytes_received_per_min", "bytes_sent_per_min",
)  # fmt: skip
"""The figures of `$SYS` that come first, in this order; the others follow by name."""
QUEUES: Final = {
    "owed": "messages due and not acknowledged", "messages_stored": "messages stored by the broker",
    "messages_inflight": "messages in flight from the broker",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TargetFigure:
    """One column of the table. `name` is the name of its definition."""

    name: str
    label: str
    value: str


def target_figures(run: Run, summary: Summary) -> list[TargetFigure]:
    """Return broker CPU, host CPU, memory and messages per second, each with its heading."""
    broker = summary.broker
    return [
        TargetFigure("broker_cpu", "broker CPU (single core)", percent(broker.cpu_percent)),
        TargetFigure("host_cpu", "host CPU", percent(broker.host_cpu_percent)),
        TargetFigure("host_memory", "memory used/total", _memory(broker)),
        TargetFigure("broker_memory", "broker memory", in_bytes(broker.rss_bytes)),
        TargetFigure("rates", "messages per second", messages_per_s(run, summary)),
    ]


def percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0f} %" if value >= 10 else f"{value:.1f} %"


def in_bytes(value: float | None) -> str:
    return UNKNOWN if value is None else format_bytes(value)


def _memory(broker: BrokerFigures) -> str:
    used, whole = broker.host_memory_used_bytes, broker.host_memory_bytes
    return UNKNOWN if used is None and whole is None else f"{in_bytes(used)} / {in_bytes(whole)}"


def messages_per_s(run: Run, summary: Summary) -> str:
    """Return `500.1, on target`, or the share of the messages due; beside losses nothing is on target."""
    rates = summary.rates
    done = done_per_s(summary)
    if done is None:
        return UNKNOWN
    shown, due = _rate(done), rates.due_per_s
    # a closed loop has no schedule to be compared with
    if run.meta.closed_loop:
        answered = rates.acked_per_s is not None
        return f"{shown}, as fast as it answered" if answered else f"{shown}, handed to the sockets"
    # less is due without the share of a lost bee, so what is due is no target
    if missing := missing_words(run):
        return f"{shown} of {_rate(asked_per_s(run) or due or 0)} asked for: {missing}"
    if not due:
        return shown
    if abs(done - due) <= ON_TARGET * due:
        lost = summary.messages.lost or summary.broker.dropped
        return f"{shown}, but {format_count(lost)} lost" if lost else f"{shown}, on target"
    return f"{shown}, {100 * done / due:.0f} % of {_rate(due)} due"


def _rate(per_s: float) -> str:
    return f"{per_s:,.1f}" if per_s < 1000 else f"{per_s:,.0f}"


def done_per_s(summary: Summary) -> float | None:
    """Return the rate of acknowledged messages; without it, of sent, then of delivered ones."""
    rates = summary.rates
    names = ("acked_per_s", "sent_per_s", "delivered_per_s")
    known: list[float] = [rates[name] for name in names if rates[name] is not None]
    return known[0] if known else None


def sys_lines(summary: Summary) -> tuple[list[str], list[str]]:
    """Return the topics as `mosquitto_sub -v` would print them at the end of the measured window: FIRST and rest."""
    topics = {name: value for name, value in summary.broker.sys.items() if name.startswith("$")}
    ranks = {topic: rank for topic in topics if (rank := _rank(topic)) is not None}
    first = sorted(ranks, key=lambda topic: (ranks[topic], topic))
    rest = sorted(topics.keys() - ranks.keys())
    return [f"{topic} {topics[topic]}" for topic in first], [f"{topic} {topics[topic]}" for topic in rest]


def _rank(topic: str) -> int | None:
    meaning = meaning_of(topic)
    if meaning is None or meaning.name not in FIRST:
        return None
    # several topics of one figure stay together, the most trusted first
    return FIRST.index(meaning.name) * len(TOPICS_BY_NAME) + meaning.rank


def own_count(run: Run, summary: Summary) -> str:
    """Compare the broker's own counters with what was published; empty if it has none."""
    window = measured_window_ns(run)
    received, sent = (mean_inside(run, SYS, f"messages_{way}_per_s", window) for way in ("received", "sent"))
    if received is None or sent is None:
        return ""
    rates = [format_rate(rate, "packets") for rate in (received, sent)]
    sentence = f"By its own counters the broker received {rates[0]} and sent {rates[1]}"
    published = done_per_s(summary)
    if not published or not run.meta.publishing or run.meta.surges:
        return f"{sentence}."  # without a constant load the ratio would say nothing
    return f"{sentence}: {received / published:.1f} and {sent / published:.1f} for each message that was published."


def queue_lines(summary: Summary) -> list[str]:
    """Return how each queue grew while the load was steady, with the confidence interval of its slope."""
    queues = summary.broker.get("queues") or {}
    return [f"{QUEUES.get(name, name)} {_growth(queue)}" for name, queue in queues.items()]


def _growth(queue: QueueFigures) -> str:
    """Return `grew by 64 messages/s (60 to 68)`; `did not grow (−0.1 to 0.2 messages/s)`."""
    low, high = (_signed(per_s) for per_s in (queue.low_per_s, queue.high_per_s))
    if queue.grows:
        return f"grew by {format_rate(queue.growth_per_s, 'messages')} ({low} to {high})"
    return f"did not grow ({low} to {high} messages/s)"


def _signed(per_s: float) -> str:
    shown = f"{abs(per_s):,.0f}" if abs(per_s) >= 10 else f"{abs(per_s):.2g}"
    return f"−{shown}" if per_s < 0 else shown


def remarks(run: Run, summary: Summary) -> list[str]:
    """Return the thresholds for a PASS, and how the queues grew, each as a sentence."""
    stated, queues = conditions(run), queue_lines(summary)
    lines = [f"Thresholds for a PASS: {stated}."] if stated else []
    return lines + ([f"While the load was steady: {'; '.join(queues)}."] if queues else [])


def conditions(run: Run) -> str:
    """Return the thresholds that the warhead or the command states; empty if neither does."""
    return " · ".join(run.meta.thresholds)


def blind_spots(run: Run) -> list[str]:
    """Return a sentence for each observer that missed something; perf has a section of its own."""
    return [_blind(one) for one in run.meta.observers if one.observer != "perf" and (one.gaps or one.reason)]


def _blind(observer: ObserverFacts) -> str:
    name, gaps, reason = observer.observer, observer.gaps, observer.reason
    if not observer.samples:
        return f"{name}: nothing was observed. {reason or ''}".strip()
    # without a gap it was lost when the run ended
    times = "once" if gaps == 1 else f"{gaps} times" if gaps else "at the end"
    return f"{name}: lost {times}{f', last: {reason}' if reason else '; it came back'}."
