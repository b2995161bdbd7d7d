"""The table that people wrote by hand, `$SYS`, and what was not seen."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import BrokerFigures, QueueFigures, RateFigures, Summary
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.report.figure_text import UNKNOWN
from malaria.report.page.target_view import NOT_OBSERVED, sys_view, target_view
from malaria.report.target_text import (
    blind_spots,
    messages_per_s,
    own_count,
    queue_lines,
    remarks,
    sys_lines,
    target_figures,
)
from synthetic import make_run, observed, with_meta


def told(records: Run) -> dict[str, str]:
    return {fact.label: fact.value for fact in target_figures(records, summarize(records))}


def test_the_target_figures_a_level_that_was_watched() -> None:
    assert told(observed(make_run(seconds=12))) == {
        "broker CPU (single core)": "60 %",
        "host CPU": "38 %",
        "memory used/total": "310 MB / 2.0 GB",
        "broker memory": "29 MB",
        "messages per second": "500.0, on target",
    }


def test_what_nobody_watched_is_unknown_and_not_zero() -> None:
    figures = told(make_run(seconds=2))
    assert figures.pop("messages per second") == "500.0, on target"
    assert set(figures.values()) == {UNKNOWN}


@pytest.mark.parametrize(
    ("rates", "meta", "words"),
    [
        ({"acked_per_s": 490.5}, {}, "490.5, on target"),
        ({"acked_per_s": 431.0}, {}, "431.0, 86 % of 500.0 due"),
        ({"acked_per_s": None, "sent_per_s": 500.0}, {}, "500.0, on target"),
        ({"acked_per_s": 8000.0}, {"closed_loop": True}, "8,000, as fast as it answered"),
        ({"acked_per_s": None, "sent_per_s": 8000.0}, {"closed_loop": True}, "8,000, handed to the sockets"),
        ({"acked_per_s": None}, {}, UNKNOWN),
    ],
)
def test_messages_per_second(rates: dict[str, Any], meta: dict[str, object], words: str) -> None:
    whole = RateFigures(**{"due_per_s": 500.0, **rates})
    assert messages_per_s(Run(RunMeta.model_validate(meta), (), (), None), Summary(rates=whole)) == words


def test_what_one_asks_of_sys_comes_first() -> None:
    topics = {"$SYS/broker/uptime": "3 seconds", "$SYS/broker/publish/messages/dropped": "0", "clients_connected": 3,
              "$SYS/broker/clients/active": "504", "$SYS/broker/load/messages/received/1min": "9908.68"}  # fmt: skip
    first, rest = sys_lines(Summary(broker=BrokerFigures(sys=topics)))
    assert first == ["$SYS/broker/clients/active 504", "$SYS/broker/load/messages/received/1min 9908.68",
                     "$SYS/broker/publish/messages/dropped 0"]  # fmt: skip
    assert rest == ["$SYS/broker/uptime 3 seconds"]


def test_the_broker_counts_two_and_three_for_each_message() -> None:
    records = observed(make_run(seconds=22))
    words = own_count(records, summarize(records))
    assert words == (
        "By its own counters the broker received 1,000 packets/s and sent 1,500 packets/s: 2.0 and 3.0 for each "
        "message that was published."
    )


def test_a_broker_without_sys_has_no_block() -> None:
    records = make_run(seconds=2)
    assert sys_view(records, summarize(records)) is None
    assert own_count(records, summarize(records)) == ""


def test_who_did_not_see_all_of_it_says_so() -> None:
    observers = [
        {"observer": "sys", "samples": 0, "gaps": 1, "reason": "the broker <refuses> us"},
        {"observer": "process", "samples": 9, "gaps": 2, "reason": ""},
        {"observer": "host", "samples": 9, "gaps": 0, "reason": ""},
        {"observer": "perf", "samples": 0, "gaps": 1, "reason": "not installed"},
    ]
    records = with_meta(make_run(seconds=2), observers=observers)
    assert blind_spots(records) == [
        "sys: nothing was observed. the broker <refuses> us",
        "process: lost 2 times; it came back.",
    ]


def test_whether_queues_grew_is_said_with_its_uncertainty() -> None:
    slope = QueueFigures(64.2, 60.04, 1068.0, 9, True)
    flat = QueueFigures(0.1, -0.12, 0.3, 9, False)
    assert queue_lines(Summary(broker=BrokerFigures(queues={"owed": slope, "messages_stored": flat}))) == [
        "messages due and not acknowledged grew by 64.2 messages/s (60 to 1,068)",
        "messages stored by the broker did not grow (−0.12 to 0.3 messages/s)",
    ]
    assert queue_lines(Summary()) == []


def test_what_a_pass_had_to_hold_is_said() -> None:
    records = make_run(seconds=2)
    (first, *_) = remarks(records, summarize(records))
    assert first.startswith("Thresholds for a PASS: ack.p99 < 500ms · ")


def test_nobody_watched() -> None:
    records = make_run(seconds=2)
    assert target_view(records, summarize(records)).blind_spots == (NOT_OBSERVED,)
