"""The sentences on the loop, as LoopFigures tell them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.capacity.loop_words import (
    broke_first_sentence,
    loop_lines,
    tipping_sentence,
    trigger_sentence,
)
from malaria.analysis.summary_figures import LoopFigures, RungFigures, SignFigures, TriggerFigures

SICK = RungFigures(200, "down", False, 4, 200.0, 140.0, 140.0, 200, 900.0, "it fell behind")
LOOP = LoopFigures(
    tipping=3_400, recovery=1_900, ratio=0.559, recovery_s=38.0, restart_needed=False, never_back=0,
    connects_per_lost=None, packets_per_message=2.1, healthy_packets_per_message=1.0, duplicates_per_message=0.0,
    sustained_by="retransmissions", bytes_wait=None, rungs=(SICK,),
)  # fmt: skip


def test_a_target_that_came_back() -> None:
    assert loop_lines(LOOP, by_rate=False) == [
        "tips at 3,400 clients, well again at 1,900 (0.56 of it), 38 s after; no restart needed",
        "kept sick by: retransmissions (2.1 packets per message; 1.0 in health)",
    ]


def test_a_target_that_needs_a_restart() -> None:
    gone = replace(LOOP, recovery=None, ratio=None, restart_needed=True)
    assert tipping_sentence(gone, by_rate=True) == (
        "tips at 3,400 msg/s, and did not get well again at 200 msg/s: a restart is needed"
    )
    open_end = replace(gone, restart_needed=None)
    assert tipping_sentence(open_end, by_rate=True) == "tips at 3,400 msg/s, and was not yet well again at 200 msg/s"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sustained_by": "reconnects", "connects_per_lost": 4.25}, "reconnects (4.2 connects per lost client)"),
        ({"sustained_by": "queue replay", "duplicates_per_message": 0.5}, "queue replay (0.50 duplicates per message)"),
        ({"sustained_by": "its queue"}, "its queue, which did not shrink"),
    ],
)  # fmt: skip
def test_what_keeps_it_sick(change: dict[str, object], sentence: str) -> None:
    assert loop_lines(replace(LOOP, **change), by_rate=False)[1] == f"kept sick by: {sentence}"  # type: ignore[arg-type]


def test_what_the_trouble_cost() -> None:
    costly = replace(LOOP, sustained_by=None, never_back=12, connects_per_lost=3.0, duplicates_per_message=0.1)
    assert loop_lines(costly, by_rate=False)[1:] == [
        "12 clients never came back; 3.0 connects per lost client; 0.10 duplicates per message"
    ]


def test_what_broke_first_is_told_in_the_order_of_time() -> None:
    signs = (
        SignFigures("broker CPU", 20.0, "the broker used 97 % of a core"),
        SignFigures("its queue", 20.0, "its queue grew by 64 messages/s"),
        SignFigures("latency", 60.0, "ack p99 rose over 500 ms"),
    )
    assert broke_first_sentence(signs, "the broker does not read") == (
        "broker CPU: the broker used 97 % of a core; in the same second: its queue grew by 64 messages/s; "
        "40 s later: ack p99 rose over 500 ms; bytes wait where the broker does not read"
    )
    assert broke_first_sentence((), None) == ""


def test_triggers() -> None:
    found = TriggerFigures(0.5, 1_525, 4_000, 3_200, 5.0, 30.0, True, 6)
    assert trigger_sentence(found, by_rate=False) == (
        "at 50 % (1,525 clients): +4,000 for 5 s does not heal within 30 s; +3,200 does"
    )
    assert trigger_sentence(replace(found, surge=None), by_rate=False) == (
        "at 50 % (1,525 clients): every surge up to +3,200 for 5 s healed within 30 s"
    )
    assert trigger_sentence(replace(found, surge=None, healed=None), by_rate=False).endswith("not known")
