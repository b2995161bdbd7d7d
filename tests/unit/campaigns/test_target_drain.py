"""The pause between two trials on a target that is not started anew."""

from __future__ import annotations

from malaria.attacks.interrupt import Interrupt
from malaria.campaigns.target_drain import MOST_S, REST_S, TargetDrain
from malaria.transport.probe import Answer

S = 10**9


class Target:
    """A target that takes `takes_s` to let a client in, one after the other."""

    def __init__(self, *takes_s: float) -> None:
        self.now_ns = 0
        self.takes_s = list(takes_s)
        self.problem = ""

    def probe(self, _: float) -> Answer:
        self.sleep(self.takes_s.pop(0) if len(self.takes_s) > 1 else self.takes_s[0])
        return Answer(self.problem)

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * S)

    def drain(self, interrupt: Interrupt | None = None) -> TargetDrain:
        return TargetDrain(interrupt or Interrupt(), lambda: self.now_ns, self.sleep)


def test_nothing_is_waited_for_before_the_first_trial() -> None:
    target = Target(0.01)
    assert target.drain().wait(target.probe) == ""
    assert target.now_ns == S // 100


def test_a_quick_target_has_a_short_rest() -> None:
    target = Target(0.01)
    drain = target.drain()
    drain.wait(target.probe)
    assert drain.wait(target.probe) == "it had 2 s to drain"
    assert REST_S <= target.now_ns / S < REST_S + 1


def test_a_slow_target_is_waited_for_until_it_is_quick_again() -> None:
    target = Target(0.01, 3.0, 2.0, 1.0, 0.4)
    drain = target.drain()
    drain.wait(target.probe)
    assert drain.wait(target.probe) == "it had 11 s to drain"


def test_a_target_that_stays_slow_or_refuses_does_not_hold_up_the_search_for_ever() -> None:
    target = Target(0.01, 4.0)
    drain = target.drain()
    drain.wait(target.probe)
    assert "not yet as quick as before" in drain.wait(target.probe)
    assert target.now_ns / S < MOST_S + 10
    target.problem, target.takes_s = "connection refused", [0.01]
    assert "not yet as quick as before" in drain.wait(target.probe)


def test_ctrl_c_ends_the_pause() -> None:
    interrupt = Interrupt()
    target = Target(0.01)
    drain = target.drain(interrupt)
    drain.wait(target.probe)
    interrupt.count = 1
    assert drain.wait(target.probe) == ""
    assert target.now_ns < S
