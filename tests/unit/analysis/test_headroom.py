"""The limits that a broker can be at."""

from __future__ import annotations

import pytest

from malaria.analysis.headroom import broker_limit, limit_remedy
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import BrokerFigures
from synthetic import make_run, observed


@pytest.mark.parametrize(
    ("broker", "limit"),
    [
        (BrokerFigures(), ""),
        (BrokerFigures(cpu_percent=71), ""),
        (BrokerFigures(cpu_percent=71, cpu_limit_percent=200, busiest_thread_percent=71), ""),
        (BrokerFigures(cpu_percent=4.9, cpu_limit_percent=5), "its limit of 5 % of a core"),
        (BrokerFigures(cpu_percent=4.4, cpu_limit_percent=5), ""),
        (BrokerFigures(cpu_percent=3, cpu_limit_percent=5, throttled_percent=41),
         "its limit of 5 % of a core, throttled for 41 % of the time"),
        (BrokerFigures(cpu_percent=190, cpu_limit_percent=200), "its limit of 2 cores"),
        (BrokerFigures(cpu_percent=99, cpu_limit_percent=100), "its limit of one core"),
        (BrokerFigures(cpu_percent=98, cpu_limit_percent=400, busiest_thread_percent=97),
         "the limit of its busiest thread, which used 97 % of a core"),
        (BrokerFigures(descriptors=1_000, descriptors_limit=1_024), "its limit of file descriptors (1,000 of 1,024)"),
        (BrokerFigures(descriptors=100, descriptors_limit=1_024), ""),
        (BrokerFigures(rss_bytes=480_000_000, memory_limit_bytes=512_000_000), "its memory limit (480 MB of 512 MB)"),
    ],
)  # fmt: skip
def test_the_limit_is_named(broker: BrokerFigures, limit: str) -> None:
    assert broker_limit(broker) == limit
    assert bool(limit_remedy(broker)) is bool(limit)


def test_a_run_without_limits_in_its_rows_has_none() -> None:
    broker = summarize(observed(make_run(seconds=8))).broker
    assert (broker.cpu_limit_percent, broker.throttled_percent, broker_limit(broker)) == (None, None, "")
