"""The account of a run: what is counted, what is settled, and what cannot be known."""

from __future__ import annotations

from typing import Any

from malaria.attacks.ledger_totals import ledger_totals
from malaria.control.conductor import AttackTiming, Conductor
from malaria.control.messages import WorkerLost
from malaria.model.warhead import Warhead
from malaria.records.rows import LedgerTotals

COUNTERS = {"due": 9, "sent": 8, "acked": 7, "duplicated": 1}
METERS = {"name": "meters", "clients": 2, "interval": "1s", "topic": "m/{client}"}
LISTENER = {"name": "listener", "role": "subscribe", "clients": 1, "topic": "m/+"}


def totals(*groups: dict[str, Any], counters: dict[str, int] | None = COUNTERS, lost: str = "") -> LedgerTotals:
    conductor = Conductor(("1",), AttackTiming(0, 10**9, 10**9, 10**9, counted=False))
    if lost:
        conductor.process("1", WorkerLost(lost), 0)
    warhead = Warhead.model_validate({"group": groups, "attack": {"duration": "1s"}})
    return ledger_totals(warhead, conductor, counters)


def test_publishers_alone_have_counts_and_no_deliveries() -> None:
    account = totals(METERS)
    assert (account.due, account.sent, account.acked) == (9, 8, 7)
    assert (account.expected, account.duplicated, account.unresolved, account.notes) == (None, None, None, ())


def test_qos_0_has_no_acknowledgements() -> None:
    assert totals(METERS | {"qos": 0}).acked is None


def test_nothing_is_known_when_no_worker_reported() -> None:
    assert totals(METERS, counters=None).due is None


def test_subscribers_alone_do_not_know_what_should_arrive() -> None:
    account = totals(LISTENER)
    assert account.due is None
    assert account.notes == ("No client of this run publishes, so what should arrive is not known.",)


def test_a_lost_worker_leaves_deliveries_open() -> None:
    account = totals(METERS, LISTENER, lost="exit code 1")
    assert (account.due, account.delivered) == (9, None)
    assert account.notes[0].startswith("A worker was lost")


def test_a_missing_account_is_named() -> None:
    assert totals(METERS, LISTENER).notes == ("Deliveries cannot be counted: no account came.",)
