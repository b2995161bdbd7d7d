"""What surges did, on courses whose story is known: 10 s at 100 msg/s, 10 s of a surge at 150, and then 100 again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from malaria.analysis.outcome import Outcome
from malaria.analysis.recovery import RULES, surge_results
from malaria.analysis.summary import summarize
from malaria.analysis.verdict import judge
from malaria.records.rows import GAP, Reading
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import Course, with_late_reports, with_meta

BEFORE, DURING, AFTER = [100] * 10, [150] * 10, [100] * 20
DUE = BEFORE + DURING + AFTER
SURGE = [(50, 10, 20)]


def queue(capacity: Sequence[int], due: Sequence[int] = DUE) -> dict[str, Any]:
    """What a broker of that capacity per second acknowledges, first in, first out, and after how long."""
    acked, ack_ms, held = [], [], 0
    for owes, can in zip(due, capacity, strict=True):
        done = min(held + owes, can)
        held += owes - done
        acked.append(done)
        ack_ms.append(2.0 + 1000 * held / max(can, 1))
    return {"due": due, "acked": acked, "ack_ms": ack_ms}


def told(values: Sequence[int], name: str = "publish_dropped") -> list[tuple[float, dict[str, Reading]]]:
    return [(second + 0.5, {name: value}) for second, value in enumerate(values)]


def result(course: Course) -> dict[str, Any]:
    (surge,) = summarize(course.run())["surges"]
    return surge


def verdict(records: Run) -> tuple[Outcome, list[str]]:
    found = judge(records, summarize(records))
    return found.outcome, [reason.text for reason in found.reasons]


def drained(records: Run) -> Run:
    """What was open at the end of the measured time was answered while it drained."""
    assert records.ledger is not None
    return replace(records, ledger=replace(records.ledger, unresolved=0))


HOLDS = Course(**queue([200] * 40), surges=SURGE)
BENDS = Course(**queue([200] * 10 + [120] * 10 + [175] * 20), surges=SURGE)  # 300 behind, 75 a second come off
BREAKS = Course(**queue([200] * 40), surges=SURGE, told=told([7] * 12 + [7, 50, 107] + [107] * 25))
NEVER = Course(**queue([200] * 11 + [90] * 29), surges=SURGE)


def test_a_target_that_holds() -> None:
    assert result(HOLDS) == {
        "group": "meters", "clients": 50, "at_s": 10, "until_s": 20, "held": True, "broke": [], "recovered": True,
        "recovery_s": 0, "watched_s": 20, "metastable": False, "reasons": [],
    }  # fmt: skip
    assert verdict(HOLDS.run()) == (Outcome.PASS, [])


def test_a_target_that_bends_and_comes_back() -> None:
    """300 messages behind when they go; the limit is 10 messages, which is passed after 4 s."""
    surge = result(BENDS)
    assert (surge["held"], surge["broke"], surge["recovered"], surge["recovery_s"]) == (False, [], True, 3)
    assert surge["reasons"] == [
        "it acked 120 of 150 msg/s (80 %, needs 98 %)",
        "its queue grew by 30 messages/s",
        "ack p99 was 2,502 ms (at most 52 ms)",
    ]
    outcome, reasons = verdict(BENDS.run())
    assert outcome is Outcome.PASS
    assert reasons[0].startswith("+50 clients at 0:10: the broker bent and recovered after 3 s: it acked 120 of 150")


def test_a_target_that_breaks_and_comes_back() -> None:
    surge = result(BREAKS)
    assert (surge["held"], surge["broke"], surge["recovered"]) == (False, ["broker.dropped"], True)
    assert verdict(BREAKS.run()) == (
        Outcome.FAIL,
        ["+50 clients at 0:10: the broker broke and recovered at once: it dropped 100 messages"],
    )


def test_the_operator_may_say_how_much_dropping_is_none() -> None:
    allowed = Course(**queue([200] * 40), surges=SURGE, told=BREAKS.told, meta={"thresholds": ["broker.dropped < 101"]})
    assert verdict(allowed.run())[0] is Outcome.PASS
    strict = Course(**queue([200] * 40), surges=SURGE, told=BREAKS.told, meta={"thresholds": ["broker.dropped < 100"]})
    assert verdict(strict.run()) == (
        Outcome.FAIL,
        [
            "the broker dropped 100 messages, needs < 100",
            "+50 clients at 0:10: the broker broke and recovered at once: it dropped 100 messages",
        ],
    )


@pytest.mark.parametrize(
    ("course", "threshold", "outcome"),
    [
        (BENDS, "recovery.slowest < 4s", Outcome.PASS),
        (BENDS, "recovery.slowest < 2s", Outcome.FAIL),
        (BENDS, "recovery.not_held == 0", Outcome.FAIL),
        (BENDS, "recovery.not_held <= 1", Outcome.PASS),
        (HOLDS, "recovery.not_held == 0", Outcome.PASS),
        (Course(DUE), "recovery.not_held == 0", Outcome.UNKNOWN),
    ],
)
def test_the_operator_may_say_how_fast_it_has_to_recover(course: Course, threshold: str, outcome: Outcome) -> None:
    assert verdict(with_meta(course.run(), thresholds=[threshold]))[0] is outcome


def test_a_target_that_never_comes_back() -> None:
    """The load is that of before, and it carries less of it than before."""
    surge = result(NEVER)
    assert (surge["held"], surge["recovered"], surge["recovery_s"], surge["watched_s"]) == (False, False, None, 20)
    assert surge["metastable"] is True
    assert surge["reasons"][-1].startswith("20 s later: owed 740 messages (at most 10), ack p99 8,2")
    outcome, reasons = verdict(NEVER.run())
    assert outcome is Outcome.FAIL
    assert reasons[0].startswith("+50 clients at 0:10: the broker bent and never recovered within 20 s (metastable): ")
    assert len(reasons) == 2  # the story is told once; that messages were open at the end is another fact
    assert reasons[1] == "740 messages were never acknowledged"


def test_a_slow_recovery_is_none_of_a_metastable_failure() -> None:
    """1,000 behind when they go, and 10 a second come off: it comes back, long after anyone looks."""
    slow = Course(**queue([200] * 10 + [50] * 10 + [110] * 20), surges=SURGE)
    surge = result(slow)
    assert (surge["recovered"], surge["metastable"]) == (False, False)
    assert verdict(slow.run())[0] is Outcome.FAIL


def test_on_its_way_back_when_the_watch_ended_is_unknown() -> None:
    due = DUE[:29]
    course = Course(**queue([200] * 10 + [50] * 10 + [110] * 9, due), surges=SURGE)
    surge = result(course)
    assert (surge["held"], surge["recovered"], surge["metastable"]) == (False, None, None)
    assert "it was still recovering when the observation ended" in surge["reasons"]
    outcome, reasons = verdict(drained(course.run()))
    assert outcome is Outcome.UNKNOWN
    assert reasons[0].startswith("+50 clients at 0:10: the broker bent, whether it recovered is not known: ")


def test_what_is_broken_outweighs_what_is_not_known() -> None:
    course = Course(**queue([200] * 10 + [50] * 10 + [110] * 9, DUE[:29]), surges=SURGE)
    outcome, reasons = verdict(with_meta(drained(course.run()), thresholds=["ack.p99 < 10ms"]))
    assert outcome is Outcome.FAIL
    assert reasons[0].startswith("ack p99 is ")
    assert any("whether it recovered is not known" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("seconds", "surge", "held", "reason"),
    [
        (40, (50, 2, 20), True, "2 seconds before them could be judged, 3 are needed"),
        (22, (50, 10, 20), True, "2 seconds after the surge could be judged, 3 are needed"),
        (20, (50, 10, 20), True, "0 seconds after the surge could be judged, 3 are needed"),
        (40, (50, 10, None), True, "its clients stayed to the end"),
    ],
)
def test_what_was_not_seen_is_not_known(
    seconds: int, surge: tuple[int, int, int | None], held: bool, reason: str
) -> None:
    found = result(Course(**queue([200] * seconds, DUE[:seconds]), surges=[surge]))
    assert (found["held"], found["recovered"], found["reasons"]) == (held, None, [reason])
    outcome, remarks = verdict(Course(**queue([200] * seconds, DUE[:seconds]), surges=[surge]).run())
    assert outcome is Outcome.PASS  # it held, and a remark says what is not known
    assert bool(remarks) is (surge[2] is not None)


def test_a_surge_that_left_is_not_said_to_have_stayed_with_another() -> None:
    due = [100] * 10 + [150] * 5 + [200] * 5 + [150] * 20
    course = Course(due, surges=[(50, 10, 20), (50, 15, None)], ready={n: 150 for n in range(11, 41)})
    goes, stays = summarize(course.run())["surges"]
    assert (goes["recovered"], goes["reasons"]) == (None, ["clients of a surge that overlaps it stayed to the end"])
    assert (stays["recovered"], stays["reasons"]) == (None, ["its clients stayed to the end"])


def test_trouble_that_was_there_before_is_not_the_surges() -> None:
    course = Course(**queue([80] * 40), surges=SURGE)
    surge = result(course)
    assert (surge["held"], surge["recovered"], surge["reasons"]) == (
        None,
        None,
        ["it had fallen behind before the surge"],
    )
    outcome, reasons = verdict(course.run())
    assert outcome is Outcome.FAIL
    assert reasons[0].startswith("the broker fell behind at 0:01: acked 80 of 100 msg/s (80 %, needs 98 %)")


def test_a_stated_limit_on_latency_counts_while_they_are_there() -> None:
    slow = [2.0] * 10 + [80.0] * 10 + [2.0] * 20
    assert result(Course(DUE, ack_ms=slow, surges=SURGE))["reasons"] == ["ack p99 was 80 ms (at most 52 ms)"]
    allowed = Course(DUE, ack_ms=slow, surges=SURGE, meta={"thresholds": ["ack.p99 < 500ms"]})
    assert result(allowed)["held"] is True


def test_latency_that_stays_high_is_no_recovery() -> None:
    stuck = Course(DUE, ack_ms=[2.0] * 10 + [80.0] * 30, surges=SURGE)
    surge = result(stuck)
    assert (surge["recovered"], surge["metastable"]) == (False, True)
    assert surge["reasons"][-1] == "20 s later: ack p99 80 ms (at most 52 ms)"


def test_a_hiccup_after_the_recovery_undoes_nothing_but_flapping_does() -> None:
    hiccup, flapping = [2.0] * 40, [2.0] * 40
    hiccup[33] = 900.0
    flapping[20::3] = [900.0] * len(flapping[20::3])
    assert result(Course(DUE, ack_ms=hiccup, surges=SURGE))["recovery_s"] == 0
    assert result(Course(DUE, ack_ms=flapping, surges=SURGE))["recovered"] is False


def test_connections_that_break_are_breaking_and_must_come_back() -> None:
    lost = Course(DUE, surges=SURGE, dropped={15: 30}, ready={n: 70 for n in range(16, 26)})
    surge = result(lost)
    assert (surge["broke"], surge["reasons"]) == (["clients.dropped"], ["30 connections broke"])
    assert (surge["recovered"], surge["recovery_s"]) == (True, 5)
    assert verdict(lost.run())[0] is Outcome.FAIL
    gone = Course(DUE, surges=SURGE, dropped={15: 30}, ready={n: 70 for n in range(16, 41)})
    assert result(gone)["reasons"][-1] == "20 s later: 30 clients missing"


def test_drops_outside_the_surge_are_told_of_the_level() -> None:
    course = Course(DUE, surges=SURGE, dropped={5: 2}, told=told([0] * 36 + [9] * 4))
    outcome, reasons = verdict(course.run())
    assert outcome is Outcome.FAIL
    assert reasons[:2] == ["the broker dropped 9 messages", "2 connections were lost"]


def test_what_the_broker_stores_is_in_the_band_or_not() -> None:
    course = Course(DUE, surges=SURGE, told=told([40] * 10 + [90] * 10 + [700] * 20, "messages_stored"))
    surge = result(course)
    assert (surge["held"], surge["recovered"]) == (True, False)
    assert surge["reasons"] == ["20 s later: 700 messages stored (at most 90)"]
    kept = Course(DUE, surges=SURGE, told=[(n + 0.5, {"messages_stored": v, "retained": v}) for n, v in
                                           enumerate([40] * 20 + [700] * 20)])  # fmt: skip
    assert result(kept)["recovered"] is True  # retained: they wait for nobody


def test_a_blind_observer_is_no_evidence() -> None:
    rows = [*told([40] * 12, "messages_stored"), (12.5, {GAP: "gone"}), (35.5, {"messages_stored": 40})]
    assert result(Course(DUE, surges=SURGE, told=rows))["recovered"] is True


def test_seconds_in_which_we_were_late_do_not_count() -> None:
    late = Course(DUE, ack_ms=[2.0] * 21 + [90.0] + [2.0] * 18, late={22: 80.0}, surges=SURGE)
    assert result(late)["recovery_s"] == 0
    ours = Course(DUE, late={n: 80.0 for n in range(11, 21)}, surges=SURGE)
    assert result(ours)["reasons"] == ["0 seconds of the surge could be judged, 2 are needed"]


def test_not_all_came() -> None:
    records = Course(DUE, surges=SURGE).run()
    (surge,) = records.meta.surges
    records = with_meta(records, surges=[surge.as_json() | {"added_ns": None}])
    assert summarize(records)["surges"][0]["reasons"] == ["it did not accept all clients of the surge"]


def test_two_that_overlap_are_recovered_from_together_and_the_next_from_there() -> None:
    due = [100] * 10 + [150] * 5 + [200] * 5 + [150] * 5 + [100] * 10 + [150] * 5 + [100] * 10
    course = Course(due, surges=[(50, 10, 20), (50, 15, 25), (50, 35, 40)])
    results = surge_results(course.run())
    assert [one.watched_s for one in results] == [10, 10, 10]
    assert [one.recovery.recovered for one in results] == [True, True, True]
    due = [100] * 10 + [150] * 10 + [100] * 15 + [150] * 5 + [100] * 10
    never = Course(due, ack_ms=[2.0] * 12 + [300.0] * 38, surges=[(50, 10, 20), (50, 35, 40)])
    first, second = summarize(never.run())["surges"]
    assert (first["watched_s"], first["metastable"], second["metastable"]) == (15, True, True)
    assert second["reasons"][-1] == "10 s later: ack p99 300 ms (at most 52 ms)"  # of before the first


def test_who_stays_is_a_new_level() -> None:
    due = [100] * 10 + [150] * 15 + [200] * 5 + [150] * 10
    course = Course(due, surges=[(50, 10, None), (50, 25, 30)], ready={n: 150 for n in range(11, 41)})
    stays, goes = summarize(course.run())["surges"]
    assert (stays["held"], stays["recovered"], stays["watched_s"]) == (True, None, None)
    assert (goes["held"], goes["recovered"], goes["recovery_s"]) == (True, True, 0)


def test_in_a_closed_loop_nothing_is_owed() -> None:
    course = Course(DUE, [50] * 40, surges=SURGE, meta={"closed_loop": True})
    assert (result(course)["held"], result(course)["recovered"]) == (True, True)


def test_at_qos_0_what_was_taken_counts() -> None:
    course = Course(DUE, surges=SURGE, meta={"acknowledged": False})
    assert (result(course)["held"], result(course)["recovered"]) == (True, True)


def test_no_surge_no_story() -> None:
    assert surge_results(Course(DUE).run()) == []
    assert surge_results(Run(RunMeta(), (), (), None)) == []


def test_the_rules_are_stated() -> None:
    assert list(RULES) == ["before", "baseline", "held", "recovered", "metastable", "verdict"]
    assert "98 %" in RULES["held"]
    assert "3 seconds in a row, and then in all later seconds except one, or except 10 % of them" in RULES["recovered"]


def test_late_reports_hide_no_trouble_before_a_surge() -> None:
    """It acknowledges 97 of 100 from the beginning: 34 messages are open before the surge, and 10 may be under way."""
    records = Course([100] * 40, [97] * 40, surges=[(50, 14, 24)]).run()
    (found,) = surge_results(with_late_reports(records, range(2, 12, 3)))
    assert found.recovery.reasons == ("it had fallen behind before the surge",)
