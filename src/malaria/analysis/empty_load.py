"""Notice a load that tested nothing: a run without it must not be a PASS."""

from __future__ import annotations

from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import Summary
from malaria.analysis.windows import counted_load_ns, in_phase, total
from malaria.records.rows import Counter, RunPhase
from malaria.records.run import Run


def empty_load(run: Run, summary: Summary) -> list[Reason]:
    """Return why the verdict is UNKNOWN: nothing was due, a closed loop had no answer, or subscribers got nothing."""
    if run.damage.hits("sample"):
        return []  # what is left of the samples says nothing
    measured = in_phase(run, RunPhase.MEASURE)
    if run.meta.publishing and not total(measured, Counter.DUE):
        remedy = "let the load last beyond the warm-up: a shorter --warmup, more -n/--messages, or a higher rate"
        return [Reason(Outcome.UNKNOWN, "no message was due in the measured time", remedy)]
    late = summary.messages.acked and not total(measured, Counter.ACKED)
    # an open loop fails for what it owes, and one that ends by its number of messages is counted up to the last answer
    if run.meta.closed_loop and late and not counted_load_ns(run):
        remedy = (
            "let the load last longer than its first answer takes: a longer -d/--duration, or a smaller -F/--inflight"
        )
        return [Reason(Outcome.UNKNOWN, "no message was acknowledged in the measured time", remedy)]
    heard = total(in_phase(run, RunPhase.MEASURE, RunPhase.DRAIN, RunPhase.VERIFY), Counter.ARRIVED)
    if run.meta.subscribing and not run.meta.publishing and not heard:
        remedy = "check the topic filter, and that something publishes to it meanwhile"
        return [Reason(Outcome.UNKNOWN, "no message arrived at the subscribers in the measured time", remedy)]
    return []
