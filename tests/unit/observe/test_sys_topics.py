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


@pytest.mark.parametrize("payload", [b"--5", b"1e308", b"9" * 400, b"-", b"\xff\xfe", b"", "٣²".encode()])
def test_a_payload_that_is_no_sane_number_leaves_the_other_figures(payload: bytes) -> None:
    broker = Broker()
    for topic, value in (("broker/messages/received", payload), ("broker/clients/connected", b"3")):
        message = SimpleNamespace(topic=f"$SYS/{topic}", payload=value, retain=False)
        broker.observer._on_message(None, None, message)  # type: ignore[arg-type]
    values = broker.observer.sample(0)
    assert (values["messages_received"], values["clients_connected"]) == (None, 3)


def test_a_message_that_cannot_be_taken_is_a_gap_and_the_next_one_ends_it() -> None:
    broker = Broker()
    take = broker.observer._guarded(broker.observer._on_message)
    take(None, None, SimpleNamespace(topic=None, payload=b"1", retain=False))
    with pytest.raises(LostError, match="it failed: "):
        broker.sample(0)
    broker.publish(1)
    assert broker.sample(1)


def test_a_failure_of_the_library_is_a_gap_and_the_connection_is_made_again() -> None:
    broker = Broker()
    done: list[str] = []

    class Failing:
        def loop_forever(self, **_: bool) -> None:
            done.append("loop")
            raise ValueError("not MQTT")

        def reconnect(self) -> None:
            done.append("reconnect")
            broker.observer._over.set()

    broker.observer._over.wait = lambda _: broker.observer._over.is_set()  # type: ignore[method-assign,assignment]
    broker.observer._run(Failing())  # type: ignore[arg-type]
    assert done == ["loop", "reconnect"]
    with pytest.raises(LostError, match="it failed: ValueError: not MQTT"):
        broker.sample(0)
