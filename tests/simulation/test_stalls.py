"""A broker that stands still is an episode of exactly that length, at exactly that time; nothing else is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.analysis.summary_figures import Summary, Verdict
from simulation import Action, Machine, Simulation, crash, pause, restore, starved
from stub_broker import Behaviour

MS = 1_000_000
FROZEN = Behaviour(freezes=((5.0, 3.0),))
LOAD: dict[str, Any] = {"clients": 50, "interval": "1s", "duration": "15s", "thresholds": {}}
LONG: dict[str, Any] = {"clients": 10, "duration": "2m"}


def episodes(summary: Summary) -> list[tuple[float, float]]:
    """Return when each episode began and how long it lasted, in seconds."""
    return [(episode.at_s, episode.length_s) for episode in summary.episodes]


@pytest.mark.parametrize("machines", [1, 3])
def test_three_seconds_of_a_frozen_broker_are_an_episode_of_three_seconds(tmp_path: Path, machines: int) -> None:
    simulation = Simulation(FROZEN, machines=[Machine()] * machines)
    summary = simulation.run(tmp_path, **LOAD | {"clients": 300}).summary
    assert episodes(summary) == [(5.0, 3.0)]
    assert summary.stalls.as_json() == {"count": 1, "longest_ms": 3000.0, "limit_ms": 1000.0}
    assert summary.verdict.outcome == "FAIL"
    assert summary.verdict.reasons[0].text == "the broker stood still for 3.0 s at 0:05"


@pytest.mark.parametrize("options", [{"qos": 2}, {"inflight": 1}])
def test_any_kind_of_message_shows_it(tmp_path: Path, options: dict[str, Any]) -> None:
    assert episodes(Simulation(FROZEN).run(tmp_path, **LOAD | options).summary) == [(5.0, 3.0)]


def test_at_qos_0_the_deliveries_show_it(tmp_path: Path) -> None:
    summary = Simulation(FROZEN).run(tmp_path, subscribers=1, qos=0, **LOAD).summary
    ((at_s, length_s),) = episodes(summary)
    assert at_s == pytest.approx(5.0, abs=0.1)
    assert at_s + length_s == pytest.approx(8.0, abs=0.001)


def test_at_qos_0_without_deliveries_nothing_can_be_known(tmp_path: Path) -> None:
    summary = Simulation(FROZEN).run(tmp_path, qos=0, **LOAD).summary
    assert summary.stalls.count is None
    assert episodes(summary) == []


def test_a_closed_loop_shows_it(tmp_path: Path) -> None:
    behaviour = Behaviour(ack_delay_ns=10 * MS, freezes=((5.0, 3.0),))
    summary = Simulation(behaviour).run(tmp_path, clients=3, interval="0", duration="10s", thresholds={}).summary
    ((at_s, length_s),) = episodes(summary)
    assert (at_s, length_s) == (pytest.approx(5.0, abs=0.011), pytest.approx(3.0, abs=0.011))


@pytest.mark.parametrize(
    "story",
    [
        [(5.0, pause(3))],
        [(5.0, pause(3, "1")), (5.0, pause(3, "2"))],
    ],
)
def test_a_pause_of_our_own_is_no_stall(tmp_path: Path, story: list[tuple[float, Action]]) -> None:
    simulation = Simulation(machines=[Machine()] * 2, story=story)
    summary = simulation.run(tmp_path, **LOAD).summary
    assert episodes(summary) == []
    assert summary.stalls.count == 0


def test_a_pause_of_our_own_within_a_stall_is_taken_out(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(freezes=((4.0, 5.0),)), story=[(6.0, pause(2))])
    ((_, length_s),) = episodes(simulation.run(tmp_path, **LOAD).summary)
    assert length_s == pytest.approx(3.0, abs=0.1)


def test_a_pause_until_the_broker_answers_again_is_taken_out(tmp_path: Path) -> None:
    """We stop a second into its freeze, and find its answers when we go on."""
    simulation = Simulation(FROZEN, story=[(6.5, pause(4))])
    ((at_s, length_s),) = episodes(simulation.run(tmp_path, **LOAD).summary)
    assert (at_s, length_s) == (5.0, pytest.approx(1.5, abs=0.1))


def test_one_worker_that_hears_nothing_is_no_stall(tmp_path: Path) -> None:
    """The second worker's machine stands still, the first goes on."""
    simulation = Simulation(machines=[Machine()] * 2, story=[(5.0, pause(3, "2"))])
    assert episodes(simulation.run(tmp_path, **LOAD).summary) == []


@pytest.mark.parametrize("delay_ms", [200, 1500, 4000])
def test_a_slow_but_steady_broker_does_not_stand_still(tmp_path: Path, delay_ms: int) -> None:
    simulation = Simulation(Behaviour(ack_delay_ns=delay_ms * MS))
    options = LOAD | {"clients": 20, "interval": "10s", "duration": "60s"}
    summary = simulation.run(tmp_path, **options).summary
    assert episodes(summary) == []
    assert summary.stalls.limit_ms == pytest.approx(max(1000, 20 * delay_ms), rel=0.001)


def test_one_message_each_ten_seconds_is_no_stall(tmp_path: Path) -> None:
    options = LOAD | {"clients": 1, "interval": "10s", "duration": "60s"}
    summary = Simulation(Behaviour(ack_delay_ns=MS)).run(tmp_path, **options).summary
    assert summary.stalls.as_json() == {"count": 0, "longest_ms": 0.0, "limit_ms": 1000.0}


def test_of_a_rare_message_the_wait_is_the_stall(tmp_path: Path) -> None:
    """The first message is due at 0, the second at 10 s: the freeze from 8 s to 13 s shows three seconds of itself."""
    options = LOAD | {"clients": 1, "interval": "10s", "duration": "60s"}
    summary = Simulation(Behaviour(freezes=((8.0, 5.0),))).run(tmp_path, **options).summary
    assert episodes(summary) == [(10.0, 3.0)]


def test_less_than_a_second_is_no_stall(tmp_path: Path) -> None:
    assert episodes(Simulation(Behaviour(freezes=((5.0, 0.9),))).run(tmp_path, **LOAD).summary) == []


def test_a_stall_counts_to_its_end_after_the_load(tmp_path: Path) -> None:
    summary = Simulation(Behaviour(freezes=((13.0, 4.0),))).run(tmp_path, **LOAD, drain="10s").summary
    assert episodes(summary) == [(13.0, 4.0)]


def test_a_broker_that_stays_frozen_stands_still_to_the_end_of_the_load(tmp_path: Path) -> None:
    summary = Simulation(Behaviour(freezes=((5.0, 3600.0),))).run(tmp_path, **LOAD).summary
    assert episodes(summary) == [(5.0, 10.0)]
    assert summary.verdict.reasons[0].text == "the broker stood still for 10.0 s at 0:05"


def test_several_stalls_are_told_with_the_longest_first(tmp_path: Path) -> None:
    summary = Simulation(Behaviour(freezes=((2.0, 1.5), (6.0, 3.0), (11.0, 2.0)))).run(tmp_path, **LOAD).summary
    assert episodes(summary) == [(2.0, 1.5), (6.0, 3.0), (11.0, 2.0)]
    assert summary.verdict.reasons[0].text == (
        "the broker stood still 3 times: 3.0 s at 0:06, 2.0 s at 0:11, 1.5 s at 0:02"
    )


def test_a_stall_that_is_allowed_is_a_remark(tmp_path: Path) -> None:
    options = LOAD | {"thresholds": {"stalls.longest": "<= 5s", "ack.p99": "< 5s"}}
    summary = Simulation(FROZEN).run(tmp_path, **options).summary
    assert summary.verdict.outcome == "PASS"
    assert "the broker stood still for 3.0 s at 0:05" in [reason.text for reason in summary.verdict.reasons]


@pytest.mark.parametrize(
    ("thresholds", "frozen_s", "offer", "outcome"),
    [
        ({}, 3.0, "--allow-stall 5s allows it (and raises the limit of ack p99)", "PASS"),
        ({}, 6.5, "--allow-stall 7s allows it (and raises the limit of ack p99)", "PASS"),
        ({"ack.p99": "< 1s"}, 3.0, "--allow-stall 5s allows it, but the limit of ack p99 counts as before", "FAIL"),
    ],
)
def test_what_the_remedy_of_a_stall_offers_is_what_it_does(
    tmp_path: Path, thresholds: dict[str, str], frozen_s: float, offer: str, outcome: str
) -> None:
    def judged(limits: dict[str, str]) -> Verdict:
        simulation = Simulation(Behaviour(freezes=((5.0, frozen_s),)))
        return simulation.run(tmp_path / str(len(limits)), **LOAD | {"thresholds": limits}).summary.verdict

    reason = judged(thresholds).reasons[0]
    assert reason.remedy.endswith(f"; {offer}")
    allowed = thresholds | {"stalls.longest": f"<= {offer.split()[1]}"}
    assert judged(allowed).outcome == outcome


def test_a_p99_of_seconds_does_not_pass_by_itself(tmp_path: Path) -> None:
    """It is slow and steady: it neither stands still nor falls behind."""
    summary = Simulation(Behaviour(ack_delay_ns=1500 * MS)).run(tmp_path, **LOAD | LONG).summary
    assert summary.verdict.outcome == "FAIL"
    assert [reason.text for reason in summary.verdict.reasons] == ["ack p99 is 1,500 ms, needs ≤ 1,000 ms"]
    assert "--fail-if 'ack.p99 > 5s'" in summary.verdict.reasons[0].remedy


@pytest.mark.parametrize("options", [{"thresholds": {"ack.p99": "< 2s"}}, {"interval": "3s"}])
def test_a_p99_of_seconds_may_be_asked_for(tmp_path: Path, options: dict[str, Any]) -> None:
    summary = Simulation(Behaviour(ack_delay_ns=1500 * MS)).run(tmp_path, **LOAD | LONG | options).summary
    assert summary.verdict.outcome == "PASS"


@pytest.mark.parametrize(("limit", "outcome"), [("ack.p99 < 1s", "PASS"), ("ack.p99 < 100ms", "INVALID")])
def test_own_lag_counts_by_what_was_asked(tmp_path: Path, limit: str, outcome: str) -> None:
    """Our machine stops for 60 ms of every second: of 300 messages 3 s apart, 6 % are up to 60 ms late."""
    key, _, condition = limit.partition(" ")
    simulation = Simulation(story=list(starved(0, 15, of_ms=1000, stopped_ms=60)))
    options = LOAD | {"thresholds": {key: condition}, "own_lag_limit": None}
    verdict = simulation.run(tmp_path, **options).summary.verdict
    assert verdict.outcome == outcome
    assert "late (p99" in verdict.reasons[0].text


def test_a_dozen_messages_do_not_make_a_run_invalid(tmp_path: Path) -> None:
    simulation = Simulation(story=list(starved(0, 15, of_ms=100, stopped_ms=90)))
    options = LOAD | {"clients": 5, "thresholds": {"ack.p99": "< 200ms"}, "own_lag_limit": None}
    assert simulation.run(tmp_path, **options).summary.verdict.outcome == "PASS"


@pytest.mark.parametrize("back", [[], [(7.0, restore)]])
def test_a_broker_that_died_does_not_stand_still(tmp_path: Path, back: list[tuple[float, Action]]) -> None:
    """Nobody is connected, and other rules tell what happened."""
    simulation = Simulation(story=[(4.0, crash), *back])
    summary = simulation.run(tmp_path, **LOAD).summary
    assert summary.verdict.outcome == "FAIL"
    assert episodes(summary) == []
