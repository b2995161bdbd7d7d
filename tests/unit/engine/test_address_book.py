"""Names are looked up again when clients connect again, and nobody waits for the answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.engine.address_book import AddressBook, run_in_thread
from malaria.model.target import Address
from malaria.transport.route import Endpoint, TargetHost
from routes import endpoint_of, host_at

NAME = host_at("broker.test", 1883, "10.0.0.1")


class Names:
    """A resolver whose answers the test sets, and work that the test runs when it likes."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.addresses: list[str] = ["10.0.0.1"]
        self.work: list[Callable[[], None]] = []
        self.troubles: list[str] = []
        self.book = AddressBook(self.look_up, self.work.append, lambda: self.now_ns, self.troubles.append)

    def look_up(self, address: Address) -> list[Endpoint]:
        if not self.addresses:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [endpoint_of(one, address.port) for one in self.addresses]

    def answer(self) -> None:
        work, self.work[:] = list(self.work), []
        for one in work:
            one()

    def current(self, host: TargetHost = NAME) -> list[str]:
        return [endpoint[1][0] for endpoint in self.book.current(host).endpoints]


def test_a_new_address_is_used_once_it_is_known_and_said_once() -> None:
    names = Names()
    names.addresses = ["10.0.0.2"]
    names.book.renew(NAME)
    assert names.current() == ["10.0.0.1"]  # nobody waits
    names.answer()
    assert names.current() == ["10.0.0.2"]
    assert names.troubles == ["broker.test has new addresses: 10.0.0.2:1883"]
    names.now_ns = 2 * NS_PER_S
    names.book.renew(NAME)
    names.answer()
    assert names.current() == ["10.0.0.2"]
    assert len(names.troubles) == 1


def test_many_clients_that_connect_again_ask_once_in_a_second() -> None:
    names = Names()
    for _ in range(100):
        names.book.renew(NAME)
    assert len(names.work) == 1
    names.now_ns = 5 * NS_PER_S
    names.book.renew(NAME)
    assert len(names.work) == 1  # the first question is still unanswered
    names.answer()
    names.book.renew(NAME)
    assert len(names.work) == 1


def test_without_an_answer_the_known_addresses_stay_in_use() -> None:
    names = Names()
    names.addresses = []
    names.book.renew(NAME)
    names.answer()
    assert names.current() == ["10.0.0.1"]
    assert names.troubles == [
        "unknown host 'broker.test': Temporary failure in name resolution; "
        "clients go on with the addresses known before"
    ]


def test_a_numeric_address_is_never_looked_up() -> None:
    names = Names()
    names.book.renew(host_at("10.0.0.1", 1883))
    assert names.work == []


def test_an_address_that_was_left_out_before_the_load_stays_out_while_others_answer() -> None:
    names = Names()
    host = host_at("broker.test", 1883, "10.0.0.1", "10.0.0.9").without([endpoint_of("10.0.0.9", 1883)])
    names.addresses = ["10.0.0.1", "10.0.0.9"]
    names.book.renew(host)
    names.answer()
    assert names.current(host) == ["10.0.0.1"]
    assert names.troubles == []


def test_a_resolver_that_hangs_holds_up_nobody() -> None:
    answered, asked = threading.Event(), threading.Event()

    def hang(address: Address) -> list[Endpoint]:
        asked.set()
        answered.wait(10)
        return [endpoint_of("10.0.0.2", address.port)]

    book = AddressBook(hang, run_in_thread, time.monotonic_ns, lambda _: None)
    begin_ns = time.thread_time_ns()
    book.renew(NAME)
    assert book.current(NAME) == NAME
    assert time.thread_time_ns() - begin_ns < 50 * NS_PER_MS
    assert asked.wait(10)
    answered.set()
    while book.current(NAME) == NAME:
        time.sleep(0.001)
    assert book.current(NAME).endpoints == (endpoint_of("10.0.0.2", 1883),)
