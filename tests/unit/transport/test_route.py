"""Which client connects where: exact shares, in a fixed order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from malaria.model.attack_table import Spread
from malaria.transport.route import Route, TargetHost, address_text
from routes import endpoint_of, host_at, route_at

TWO = host_at("two.test", 1883, "127.0.0.2", "127.0.0.3")
DUAL = host_at("dual.test", 1883, "127.0.0.1", "::1")


def first_of(route: Route, number: int) -> str:
    """The endpoint that the client of this number begins with."""
    return address_text(route.host_of(number).candidates(route.turn_of(number))[0])


def texts(host: TargetHost, turn: int) -> list[str]:
    return [address_text(endpoint) for endpoint in host.candidates(turn)]


def test_clients_take_the_addresses_of_a_name_in_turn() -> None:
    route = Route((TWO,))
    assert [first_of(route, number) for number in range(4)] == ["127.0.0.2:1883", "127.0.0.3:1883"] * 2


def test_each_client_has_the_other_addresses_to_fall_back_to() -> None:
    assert texts(TWO, 1) == ["127.0.0.3:1883", "127.0.0.2:1883"]
    assert texts(replace(TWO, spread=Spread.FIRST), 1) == ["127.0.0.2:1883", "127.0.0.3:1883"]


def test_addresses_of_the_other_family_are_tried_last() -> None:
    for turn in (0, 1):
        assert texts(DUAL, turn) == ["127.0.0.1:1883", "[::1]:1883"]


def test_hosts_share_the_clients_evenly_however_many_addresses_each_has() -> None:
    route = Route((TWO, host_at("10.0.0.1", 1883)))
    assert Counter(first_of(route, number) for number in range(400)) == {
        "127.0.0.2:1883": 100, "127.0.0.3:1883": 100, "10.0.0.1:1883": 200,
    }  # fmt: skip


def test_every_pair_of_source_and_address_is_used_alike() -> None:
    route = Route((TWO, host_at("10.0.0.1", 1883)), ("10.1.0.1", "10.1.0.2"))
    pairs = Counter((first_of(route, number), route.source_of(number)) for number in range(400))
    assert sorted(pairs.values()) == [50, 50, 50, 50, 100, 100]


def test_an_address_that_is_left_out_stays_known() -> None:
    dead = endpoint_of("127.0.0.2", 1883)
    route = Route((TWO, DUAL)).without([dead])
    assert route.hosts[0].endpoints == (endpoint_of("127.0.0.3", 1883),)
    assert route.hosts[0].unused == {dead}
    assert route.hosts[1] == DUAL
    assert TWO.without(TWO.endpoints) == TWO  # one has to be tried


def test_only_one_numeric_address_needs_no_name_in_messages() -> None:
    assert not route_at("127.0.0.1", 1883).ambiguous
    assert not route_at("fe80::1%eth0", 1883).ambiguous
    assert Route((host_at("localhost", 1883, "127.0.0.1"),)).ambiguous
    assert Route((host_at("127.0.0.1", 1883), host_at("127.0.0.2", 1883))).ambiguous
