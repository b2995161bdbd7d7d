"""The endpoint of each attempt to connect, and what an engine does when one takes no connection."""

from __future__ import annotations

import errno

import pytest

from engine_rig import FakeSocket, S, World
from malaria.model.warhead import Warhead
from malaria.mqtt.session import SessionPhase
from malaria.transport.route import Route
from routes import host_at

TWO = Route((host_at("two.test", 1883, "127.0.0.2", "127.0.0.3"),))


class Listeners(World):
    """A world in which only some addresses take connections; `dialled` has where each attempt went."""

    def __init__(self, clients: int, *listening: str, refusing: int = errno.ECONNREFUSED) -> None:
        group = {"name": "g", "clients": clients, "interval": "1s"}
        attack = {"duration": "1h", "connect_rate": 0}
        super().__init__(Warhead.model_validate({"group": [group], "attack": attack}), TWO)
        self.listening = listening
        self.refusing = refusing
        self.dialled: list[str] = []

    def make_socket(self, *_: object) -> FakeSocket:
        sock = super().make_socket()
        sock.connect_ex = self.connect  # type: ignore[assignment, method-assign]
        return sock

    def connect(self, address: tuple[str, int]) -> int:
        self.dialled.append(address[0])
        return errno.EINPROGRESS if address[0] in self.listening else self.refusing

    def begin(self) -> None:
        self.engine.connect(rest=False)
        self.engine.connect(rest=True)
        self.turn()

    def troubles(self) -> list[str]:
        return [event.text for event in self.meter.events(0)]


def test_clients_begin_with_their_own_address() -> None:
    w = Listeners(4, "127.0.0.2", "127.0.0.3")
    w.begin()
    assert w.dialled == ["127.0.0.2", "127.0.0.3"] * 2


def test_an_address_that_refuses_is_followed_by_the_next_at_once() -> None:
    w = Listeners(2, "127.0.0.3")
    w.begin()
    assert w.dialled == ["127.0.0.2", "127.0.0.3", "127.0.0.3"]
    assert w.meter.counts.refused == 0
    assert w.troubles() == [
        "nothing listens at this port (127.0.0.2:1883), so the next address was tried (127.0.0.3:1883)"
    ]


def test_when_no_address_takes_the_connection_the_attempt_fails_and_names_the_last() -> None:
    w = Listeners(1)
    w.begin()
    assert w.dialled == ["127.0.0.2", "127.0.0.3"]
    assert w.meter.clients_failed() == {"nothing listens at this port (127.0.0.3:1883)": 1}
    assert w.engine.columns.phase[0] == SessionPhase.WAITING
    w.now_ns += 2 * S
    w.turn()
    assert w.dialled[2:] == ["127.0.0.2", "127.0.0.3"]  # the next attempt begins with its own address again


def test_an_address_that_does_not_answer_is_left_after_the_timeout() -> None:
    w = Listeners(1, "127.0.0.2", "127.0.0.3")
    w.begin()
    w.now_ns += 11 * S
    w.turn()
    assert w.dialled == ["127.0.0.2", "127.0.0.3"]
    assert w.meter.counts.connect_timeouts == 1
    assert w.meter.counts.refused == 0


@pytest.mark.parametrize("code", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_family_that_this_host_lacks_falls_back_to_the_other(code: int) -> None:
    w = Listeners(1, "127.0.0.3", refusing=code)
    w.begin()
    assert w.dialled == ["127.0.0.2", "127.0.0.3"]


def test_without_descriptors_no_other_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    w = Listeners(1, "127.0.0.2", "127.0.0.3")

    def exhausted(_: object) -> FakeSocket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(w.engine.connector, "_make_socket", exhausted)
    w.begin()
    assert w.meter.clients_failed() == {"no free file descriptor (limit of the process)": 1}


def test_a_client_that_got_in_is_no_longer_under_way() -> None:
    w = Listeners(2, "127.0.0.2", "127.0.0.3")
    w.connect_all()
    assert w.engine.connector._attempts._left == {}
    assert w.engine.ready_clients == 2
