"""The answer in one line, and what to do in the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.headline import Headline, headline
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.records.run import Run
from synthetic import make_run, with_meta

GOOD = make_run(seconds=12, clients=600)


def of(records: Run) -> Headline:
    return headline(records, summarize(records))


def test_a_pass() -> None:
    assert of(make_run()) == Headline(Outcome.PASS, "the broker carried it: 500 msg/s on target, nothing lost", "", ())


def unsettled(records: Run, lost: int | None) -> Run:
    assert records.ledger is not None
    return replace(records, ledger=replace(records.ledger, lost=lost))


@pytest.mark.parametrize(
    ("records", "what"),
    [
        (unsettled(GOOD, None), "100 msg/s on target, every message acknowledged"),
        (with_meta(unsettled(GOOD, 3), thresholds=["messages.lost < 9"]), "100 msg/s on target, 3 lost"),
        (with_meta(GOOD, closed_loop=True), "100 msg/s, as fast as it answered (closed loop), nothing lost"),
        (with_meta(GOOD, acknowledged=False), "100 msg/s on target, nothing lost"),
    ],
)  # fmt: skip
def test_praise_says_no_more_than_the_figures(records: Run, what: str) -> None:
    assert of(records).what == f"the broker carried it: {what}"


@pytest.mark.parametrize(
    ("subscribing", "more"),
    [(True, ", 100 deliveries/s, nothing lost"), (False, "; what the broker took is not known")],
)
def test_a_closed_loop_of_qos_0_never_says_what_the_broker_took(subscribing: bool, more: str) -> None:
    records = with_meta(GOOD, closed_loop=True, acknowledged=False, subscribing=subscribing)
    assert records.ledger is not None
    if not subscribing:
        records = replace(records, ledger=replace(records.ledger, lost=None, expected=None, acked=None))
    assert of(records).what == f"the sockets of this machine took 100 msg/s (closed loop, QoS 0){more}"


def test_a_subscription_that_matches_nothing_is_no_proof_that_nothing_was_lost() -> None:
    assert GOOD.ledger is not None
    records = replace(GOOD, ledger=replace(GOOD.ledger, expected=0, delivered=0))
    assert of(records).what == "the broker carried it: 100 msg/s on target, no subscription matches what was published"


def test_a_pass_below_target_says_so() -> None:
    rules = ["rates.acked_per_s >= 50% of due", "messages.unresolved < 99999", "ack.p50 < 1h"]
    records = with_meta(make_run(trouble="falls-behind"), thresholds=rules)
    assert of(records).what == "the broker carried it: 453.3 msg/s of 500 msg/s, nothing lost"


def test_a_run_without_messages_speaks_of_clients() -> None:
    quiet = with_meta(GOOD, publishing=False, acknowledged=False, subscribing=False, thresholds=None)
    quiet = replace(quiet, ledger=None)
    assert of(quiet).what == "the broker carried it: 600 clients connected, 0 dropped"


def test_a_failure_says_what_and_what_to_do_and_the_rest() -> None:
    found = of(make_run(trouble="falls-behind"))
    assert found.outcome is Outcome.FAIL
    assert found.what == (
        "the broker fell behind at 0:14: acked 453 of 500 msg/s (90.7 %, needs 98 %), "
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
