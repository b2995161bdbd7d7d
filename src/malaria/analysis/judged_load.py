"""The figures that the rules look at: those of the workers that stayed, and of steady time where surges came.

What a lost worker owed, and its clients that are gone with it, say nothing about the broker; the loss itself is a
reason of its own.
"""

from __future__ import annotations

from dataclasses import replace

from malaria.analysis.client_figures import client_figures
from malaria.analysis.losses import gone_since_ns, losses_of, samples_that_stayed, stayed
from malaria.analysis.summary_figures import ClientFigures, LatencyFigures, RateFigures, Summary
from malaria.analysis.windows import counted_load_ns, measured_window_ns, total
from malaria.clock import NS_PER_S
from malaria.records.rows import Counter, Metric, RunPhase
from malaria.records.run import Run


def of_those_that_stayed(run: Run, summary: Summary) -> Summary:
    """Return the summary with the clients and rates of the workers that stayed; itself where none was lost."""
    if not losses_of(run):
        return summary
    return replace(summary, clients=_clients(run, summary.clients), rates=_rates(run, summary.rates))


def _clients(run: Run, clients: ClientFigures) -> ClientFigures:
    """Return the clients counted again; unknown where no worker stayed, or the run does not say whose they were."""
    if clients.connected is None:  # no sample is known, or not all are
        return clients
    lost = [loss.clients for loss in losses_of(run)]
    known = [count for count in lost if count is not None]
    there = client_figures(run, samples_that_stayed(run))
    clients = replace(clients, dropped=there.dropped)
    if _nobody_stayed(run) or clients.planned is None or len(known) < len(lost):
        return replace(clients, planned=None, connected=None, connected_peak=None)
    planned = max(0, clients.planned - sum(known))
    return replace(clients, planned=planned, connected=there.connected, connected_peak=there.connected_peak)


def _nobody_stayed(run: Run) -> bool:
    return set(stayed(run)) <= set(gone_since_ns(run))


def _rates(run: Run, rates: RateFigures) -> RateFigures:
    """Return the rates counted again; unknown where no worker stayed, and in a load that ended by its messages.

    Of such a load the record does not say which worker had what due in the measured time.
    """
    window = measured_window_ns(run)
    if window is None or window[1] <= window[0] or _nobody_stayed(run) or counted_load_ns(run) is not None:
        return RateFigures()
    samples = [sample for sample in samples_that_stayed(run) if sample.phase is RunPhase.MEASURE]
    seconds = (window[1] - window[0]) / NS_PER_S

    def counted(counter: Counter, known: float | None) -> float | None:
        return None if known is None else round(total(samples, counter) / seconds, 3)

    return RateFigures(
        due_per_s=counted(Counter.DUE, rates.due_per_s),
        sent_per_s=counted(Counter.SENT, rates.sent_per_s),
        acked_per_s=counted(Counter.ACKED, rates.acked_per_s),
        delivered_per_s=counted(Counter.DELIVERED, rates.delivered_per_s),
    )


def of_steady_time(summary: Summary) -> Summary:
    """Return the figures that the default rules look at: where surges came, those of the steady time."""
    # without surges and cuts the whole run is steady time
    if not summary.surges and summary.steady.ack_p99_ms is None:
        return summary
    rates, clients, broker, steady = summary.rates, summary.clients, summary.broker, summary.steady
    ack = summary.latency_ms.get(Metric.ACK, LatencyFigures())
    return replace(
        summary,
        rates=replace(
            rates,
            due_per_s=_known(steady.due_per_s, rates.due_per_s),
            sent_per_s=_known(steady.sent_per_s, rates.sent_per_s),
            acked_per_s=_known(steady.acked_per_s, rates.acked_per_s),
        ),
        clients=replace(clients, dropped=_known(steady.connections_dropped, clients.dropped)),
        latency_ms={**summary.latency_ms, Metric.ACK: replace(ack, p99=steady.ack_p99_ms)},
        stalls=replace(summary.stalls, longest_ms=_known(steady.longest_stall_ms, summary.stalls.longest_ms)),
        broker=replace(broker, dropped=_known(steady.messages_dropped, broker.dropped)),
    )


def _known[T](first: T | None, second: T | None) -> T | None:
    return second if first is None else first
