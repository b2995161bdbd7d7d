"""What a worker counts of failures and troubles: each client once for each reason, only news, bounded texts."""

from __future__ import annotations

import numpy as np

from malaria.engine.meter import Meter
from malaria.records.first_texts import MOST_TEXTS, OTHERS
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric, RunPhase


def test_a_report_has_only_the_reasons_that_hit_a_client_since_the_last_one() -> None:
    meter = Meter("1")
    meter.failed(1, "refused")
    meter.failed(2, "refused")
    meter.failed(1, "timeout")
    assert meter.clients_failed() == {"refused": 2, "timeout": 1}
    assert meter.clients_failed() == {}
    meter.failed(3, "refused")
    meter.failed(3, "refused")
    assert meter.clients_failed() == {"refused": 3}
    assert meter.counts.refused == 5


def test_a_broker_that_names_every_client_gives_a_bounded_number_of_texts() -> None:
    meter = Meter("1")
    for client in range(10_000):
        meter.failed(client, f"client {client} is not welcome")
        meter.trouble(f"connection lost: client {client} said goodbye")
    failed = meter.clients_failed()
    assert len(failed) == MOST_TEXTS + 1
    assert failed[OTHERS] == 10_000 - MOST_TEXTS
    events = meter.events(1)
    assert len(events) == MOST_TEXTS + 1
    assert sum(event.count for event in events) == 10_000


def test_what_others_gather_is_in_the_sample() -> None:
    meter = Meter("1")
    meter.before_fold.append(lambda: meter.ack.extend(np.array([5, 7])))
    sample = meter.sample(1_000_000_000, RunPhase.MEASURE, {})
    assert Histogram.from_bytes(sample.histograms[Metric.ACK]).count == 2
