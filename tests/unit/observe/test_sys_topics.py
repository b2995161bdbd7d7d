"""When a silent $SYS is called lost; without a broker."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from malaria.clock import NS_PER_S as S
from malaria.observe.observer import LostError
from malaria.observe.sys_topics import SysAccess, SysObserver


class Broker:
    """A broker that publishes its uptime when a test says so."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.observer = SysObserver(SysAccess("broker", 1883), lambda: self.now_ns)
        self.observer._on_subscribe(None, None, 1, [], None)  # type: ignore[arg-type]

    def publish(self, at_s: float, *, retained: bool = False) -> None:
        self.now_ns = int(at_s * S)
        message = SimpleNamespace(topic="$SYS/broker/uptime", payload=b"1 seconds", retain=retained)
        self.observer._on_message(None, None, message)  # type: ignore[arg-type]

    def sample(self, at_s: float) -> bool:
        """Return whether there is anything new. Raises LostError."""
        self.now_ns = int(at_s * S)
        return bool(self.observer.sample(self.now_ns))


def test_one_live_announcement_does_not_tell_the_interval() -> None:
    broker = Broker()
    broker.publish(0, retained=True)
    broker.publish(2)
    assert broker.sample(2)
    assert not broker.sample(131)
    with pytest.raises(LostError, match=r"nothing on \$SYS/# for 131 s: the broker is stuck"):
        broker.sample(133)


@pytest.mark.parametrize(("interval_s", "silence_s"), [(1, 25), (10, 25), (20, 40), (60, 120)])
def test_two_live_announcements_tell_how_long_a_broker_may_be_silent(interval_s: int, silence_s: int) -> None:
    broker = Broker()
    broker.publish(0, retained=True)
    broker.publish(3)
    last = 3 + interval_s
    broker.publish(last)
    assert broker.sample(last)
    assert not broker.sample(last + silence_s)
    with pytest.raises(LostError, match="the broker is stuck"):
        broker.sample(last + silence_s + 1)


def test_a_broker_without_such_topics_is_told_from_one_that_is_stuck() -> None:
    broker = Broker()
    assert not broker.sample(3)
    with pytest.raises(LostError, match="the broker has no such topics, or its access rules hide them from this user"):
        broker.sample(3.1)
