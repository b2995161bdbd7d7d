"""What instances cost, and what is not known."""

from __future__ import annotations

from decimal import Decimal

from malaria.swarm.hosts.cost import CENTS_PER_HOUR, DATE, estimate


def test_twenty_bees_for_an_hour() -> None:
    made = estimate(20, "c7i.large", "us-east-1")
    assert made.dollars_per_hour == Decimal("1.785")
    assert str(made).startswith("20 x c7i.large in us-east-1: $1.78 an hour")
    assert DATE in str(made)


def test_spot_is_said_to_cost_less() -> None:
    assert "spot instances cost less" in str(estimate(1, "t3.micro", "us-east-1", spot=True))


def test_what_the_table_does_not_know_is_unknown() -> None:
    for unknown in (estimate(20, "z9.huge", "us-east-1"), estimate(20, "c7i.large", "ap-south-1")):
        assert unknown.dollars_per_hour is None
        assert "price not known here" in str(unknown)


def test_a_kind_of_twice_the_size_costs_twice() -> None:
    for kind, cents in CENTS_PER_HOUR.items():
        family, _, size = kind.partition(".")
        if size == "xlarge" and f"{family}.large" in CENTS_PER_HOUR:
            assert Decimal(cents) == 2 * Decimal(CENTS_PER_HOUR[f"{family}.large"])
