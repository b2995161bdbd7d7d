"""Who lost messages, and what is known of the cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.lost_deliveries import who_lost
from malaria.analysis.summary import summarize
from malaria.records.rows import CONNECTION_LOST, Counter, Event, EventKind, GroupLosses
from malaria.records.run import Run
from synthetic import make_run, with_figures, with_meta

ONE = GroupLosses("backend", 1, 1, 2_500, 1_100, 1_100)
WHO = "backend (1 subscriber) lost 1,100 of 2,500 deliveries: it was sent 250 msg/s, and "
ACKED = "; all publishes were acknowledged"


def lost(*losses: GroupLosses) -> Run:
    run = make_run(seconds=10)
    assert run.ledger is not None
    return replace(run, ledger=replace(run.ledger, losses=losses, lost=sum(one.lost for one in losses)))


def said(run: Run, dropped: int | None = None) -> str:
    return who_lost(run, with_figures(summarize(run), broker={"dropped": dropped}))


@pytest.mark.parametrize(
    ("run", "dropped", "text"),
    [
        (with_meta(lost(ONE), broker={"queue_limit": 100}), 1_100,
         f"{WHO}a queue at the broker holds 100: the broker says that it dropped 1,100{ACKED}"),
        (with_meta(lost(ONE), broker={"queue_limit": 0}), 1_100,
         f"{WHO}the broker says that it dropped 1,100, as from a full queue{ACKED}"),
        (with_meta(lost(ONE), broker={"queue_limit": 100}), None, f"{WHO}a queue at the broker holds 100{ACKED}"),
        (lost(ONE), None, f"{WHO}the broker does not say why{ACKED}"),
        (lost(replace(ONE, group="subscribers")), None,
         f"1 subscriber lost {WHO.partition('lost ')[2]}the broker does not say why{ACKED}"),
    ],
)  # fmt: skip
def test_the_subscriber_and_the_cause(run: Run, dropped: int | None, text: str) -> None:
    assert said(run, dropped) == text


def test_at_qos_0_nothing_is_said_of_acknowledgements() -> None:
    """There are none, so `none of the lost were acknowledged` would be no news."""
    run = with_meta(lost(ONE), acknowledged=False)
    summary = with_figures(summarize(run), broker={"dropped": None}, messages={"acked": 0})
    assert who_lost(run, summary).endswith("; publishes at QoS 0 have no acknowledgement")


def test_of_many_subscribers_those_that_lost_are_counted() -> None:
    many = GroupLosses("screens", 50, 3, 5_000, 7, 7)
    told = said(lost(ONE, many, replace(many, group="logs"), replace(many, group="more")))
    assert "; screens (3 of 50 subscribers) lost 7 of 5,000 deliveries; and 2 more groups: it was sent" in told


def test_connections_that_broke_are_a_cause() -> None:
    run = lost(ONE)
    samples = (*run.samples[:-1], replace(run.samples[-1], counters={Counter.DROPPED: 2}))
    event = Event(9, EventKind.TROUBLE, f"{CONNECTION_LOST}reset", "1", 2)
    assert f"{WHO}2 connections broke meanwhile" in said(replace(run, samples=samples, events=(*run.events, event)))


def test_a_run_that_does_not_say_who_lost_says_nothing() -> None:
    assert said(make_run(seconds=10)) == ""
