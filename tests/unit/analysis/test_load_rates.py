"""Rates are counts over a stated time; over less than a second only of a load that ended by its messages."""

from __future__ import annotations

import pytest

from malaria.analysis.load_rates import load_rates
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.run import Run
from synthetic import make_run, with_meta

BEGIN_NS = 3 * NS_PER_S
"""Measuring begins then: a made-up run connects for 3 s."""


def lasting(length_ns: int, **facts: object) -> Run:
    return with_meta(make_run(seconds=3, workers=1, clients=180), measure_end_ns=BEGIN_NS + length_ns, **facts)


def counted(length_ns: int, **facts: object) -> Run:
    """A load that ends by its number of messages."""
    return lasting(length_ns, duration_planned_s=None, first_due_ns=BEGIN_NS, due_measured=30,
                   sent_measured=30, last_done_ns=BEGIN_NS + length_ns, **facts)  # fmt: skip


@pytest.mark.parametrize(("length_ns", "is_stated"), [(NS_PER_S, True), (NS_PER_S - 1, False), (NS_PER_MS, False)])
def test_less_than_a_second_is_too_short(length_ns: int, is_stated: bool) -> None:
    for aborted in (None, "interrupted"):
        rates = load_rates(lasting(length_ns, aborted=aborted))
        assert {value is not None for value in rates.values()} == {is_stated}


def test_a_load_that_ended_by_its_messages_has_its_rate_however_short() -> None:
    assert load_rates(counted(500 * NS_PER_MS)).due_per_s == 60
    assert load_rates(counted(NS_PER_MS)).due_per_s == 30_000


def test_one_that_was_stopped_has_none_before_a_second() -> None:
    assert load_rates(counted(500 * NS_PER_MS, aborted="interrupted")).due_per_s is None
    assert load_rates(counted(NS_PER_S, aborted="interrupted")).due_per_s == 30
