"""Tell how much of the TLS and WebSocket handshakes was the generator's own time."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.analysis.windows import total
from malaria.records.rows import Counter, Metric
from malaria.records.run import Run


@dataclass(frozen=True, slots=True)
class OwnPart:
    """The generator's part (0 to 1) of the time of all handshakes; the other figures are per client."""

    share: float
    p99_ns: int
    cpu_ns: float


def own_part(run: Run) -> OwnPart | None:
    """Return the generator's part of the handshakes; None when there were none."""
    own = run.histogram(Metric.OWN_NEGOTIATION)
    p99_ns = own.percentile_ns(0.99)
    stages = [run.histogram(metric) for metric in (Metric.TLS, Metric.UPGRADE)]
    whole_ns = sum((stage.mean_ns or 0) * stage.count for stage in stages)
    if p99_ns is None or own.mean_ns is None or not whole_ns:
        return None
    share = min(1.0, own.mean_ns * own.count / whole_ns)
    return OwnPart(share, p99_ns, total(run.samples, Counter.NEGOTIATION_CPU_NS) / own.count)
