"""The answer in one line, and what to do in the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.headline import Headline, headline
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.clock import NS_PER_S
from malaria.records.rows import GAP, Observation
from malaria.records.run import Run
from synthetic import make_run, with_meta

GOOD = make_run(seconds=12, clients=600)


def of(records: Run) -> Headline:
    return headline(summarize(records))


UNKNOWN_LIMIT = "the limit was the broker, the network or the window (-F/--inflight): the broker's CPU is not known"
REST = "the limit was not reached"
LATENCIES = "ack p99 4.2 ms, end to end p99 5.1 ms"


def test_a_pass_says_what_was_held_with_which_figures_and_the_reserve() -> None:
    what = "holds 3,000 clients (500 msg/s): ack p99 3.6 ms, end to end p99 5.8 ms, nothing lost"
    assert of(make_run()) == Headline(Outcome.PASS, f"{what}; the limit was not reached", "", ())


@pytest.mark.parametrize(("threads", "percent", "words"), [
    (1, 71, "broker at 71 % of its core; the limit was not reached"),
    (4, 71, "broker at 71 % of a core; the limit was not reached"),
    (4, 99, "broker at 99 % of a core; the limit was not reached"),
    (1, 96, "broker at 96 % of its core; the limit is near: the broker has one thread"),
])  # fmt: skip
def test_the_cpu_of_the_broker_and_what_is_left_of_it(threads: int, percent: float, words: str) -> None:
    seen = [
        Observation("process", second * NS_PER_S, {"cpu_percent": percent, "threads": threads}) for second in range(40)
    ]
    assert of(replace(GOOD, observations=tuple(seen))).what.endswith(f"nothing lost, {words}")


def test_publishers_are_counted_without_their_subscriber() -> None:
    assert of(with_meta(GOOD, publishers_planned=599)).what.startswith("holds 599 clients (100 msg/s): ")


def test_clients_that_a_threshold_lets_be_missing_are_not_held() -> None:
    records = with_meta(GOOD, clients_planned=640, thresholds=["clients.connected > 500"])
    assert of(records).what.startswith("holds 600 of 640 clients (100 msg/s): ")


def test_remarks_of_a_pass_follow_it() -> None:
    gone = Observation("sys", 0, {GAP: "connection refused"})
    found = of(replace(GOOD, observations=(gone,)))
    assert (found.outcome, found.further) == (Outcome.PASS, ("remark: observer sys saw nothing: connection refused",))


def unsettled(records: Run, lost: int | None) -> Run:
    assert records.ledger is not None
    return replace(records, ledger=replace(records.ledger, lost=lost))


@pytest.mark.parametrize(
    ("records", "what"),
    [
        (unsettled(GOOD, None), f"holds 600 clients (100 msg/s): {LATENCIES}, every message acknowledged; {REST}"),
        (with_meta(unsettled(GOOD, 3), thresholds=["messages.lost < 9"]),
         f"holds 600 clients (100 msg/s): {LATENCIES}, 3 lost; {REST}"),
        (with_meta(GOOD, closed_loop=True),
         f"carries 100 msg/s, as fast as it answered (closed loop): {LATENCIES}, nothing lost; {UNKNOWN_LIMIT}"),
        (with_meta(GOOD, acknowledged=False), f"holds 600 clients (100 msg/s): {LATENCIES}, nothing lost; {REST}"),
    ],
)  # fmt: skip
def test_a_pass_says_no_more_than_the_figures(records: Run, what: str) -> None:
    assert of(records).what == what


@pytest.mark.parametrize(
    ("subscribing", "more"),
    [
        (True, f", 100 deliveries/s: {LATENCIES}, nothing lost"),
        (False, f"; what the broker took is not known: {LATENCIES}"),
    ],
)
def test_a_closed_loop_of_qos_0_never_says_what_the_broker_took(subscribing: bool, more: str) -> None:
    records = with_meta(GOOD, closed_loop=True, acknowledged=False, subscribing=subscribing)
    assert records.ledger is not None
    records = replace(records, ledger=replace(records.ledger, acked=0))
    assert records.ledger is not None
    if not subscribing:
        records = replace(records, ledger=replace(records.ledger, lost=None, expected=None))
    assert of(records).what == f"the sockets of this machine took 100 msg/s (closed loop, QoS 0){more}"


def test_a_closed_loop_of_which_a_part_is_acknowledged_is_not_called_qos_0() -> None:
    records = with_meta(GOOD, closed_loop=True, acknowledged=False)
    assert of(records).what.startswith("the sockets of this machine took 100 msg/s (closed loop, partly QoS 0)")


def test_a_subscription_that_matches_nothing_is_no_proof_that_nothing_was_lost() -> None:
    assert GOOD.ledger is not None
    records = replace(GOOD, ledger=replace(GOOD.ledger, expected=0, delivered=0))
    assert ", no subscription matches what was published; " in of(records).what


def test_a_pass_below_target_says_so() -> None:
    rules = ["rates.acked_per_s >= 50% of due", "messages.unresolved < 99999", "ack.p50 < 1h"]
    records = with_meta(make_run(trouble="falls-behind"), thresholds=rules)
    assert of(records).what.startswith("holds 3,000 clients (453.3 of 500 msg/s): ")


def test_clients_that_only_connect_have_their_connections() -> None:
    quiet = with_meta(GOOD, publishing=False, acknowledged=False, subscribing=False, thresholds=None)
    quiet = replace(quiet, ledger=None)
    assert of(quiet).what == f"holds 600 clients: {LATENCIES}, connect p99 7.2 ms, no connection lost; {REST}"


def test_subscribers_alone_say_what_arrived() -> None:
    hearing = with_meta(GOOD, publishing=False, acknowledged=False, subscribing=True, thresholds=None)
    hearing = replace(hearing, ledger=None)
    assert of(hearing).what.startswith("600 subscribers got ")


def test_a_failure_says_what_and_what_to_do_and_the_rest() -> None:
    found = of(make_run(trouble="falls-behind"))
    assert found.outcome is Outcome.FAIL
    assert found.what == (
        "the broker fell behind at 0:11: acked 453 of 500 msg/s (90.7 %, needs 98 %), "
        "its queue grew by 65 messages/s to 1,400"
    )
    assert "fewer clients" in found.remedy
    assert len(found.further) == 2


@pytest.mark.parametrize(
    ("trouble", "outcome"), [("generator-limit", Outcome.INVALID), ("lost-worker", Outcome.UNKNOWN)]
)
def test_the_others(trouble: str, outcome: Outcome) -> None:
    found = of(make_run(trouble=trouble))  # type: ignore[arg-type]
    assert found.outcome is outcome
    assert found.remedy
