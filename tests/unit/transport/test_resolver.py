"""What is made of the answers of a resolver, with one that the test writes."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

import pytest

from malaria.errors import OperatorError, TargetError
from malaria.model.attack_table import Spread
from malaria.model.target import Address, parse_target
from malaria.model.warhead import Warhead
from malaria.transport.resolver import LookUp, resolve, route_to, routes_of, system_look_up
from malaria.transport.route import Endpoint
from routes import endpoint_of

ADDRESS = Address("broker.test", 1883)


def names(known: Mapping[str, Sequence[str]]) -> LookUp:
    """A resolver that knows these names."""

    def look_up(address: Address) -> list[Endpoint]:
        if address.host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [endpoint_of(one, address.port) for one in known[address.host]]

    return look_up


def found(answer: Sequence[str], spread: Spread = Spread.EVEN, family: int | None = None) -> list[str]:
    host = resolve(ADDRESS, spread, family, names({"broker.test": answer}))
    return [endpoint[1][0] for endpoint in host.endpoints]


def test_all_addresses_are_taken_once_ipv4_first() -> None:
    assert found(["::1", "10.0.0.2", "10.0.0.1", "10.0.0.2"]) == ["10.0.0.1", "10.0.0.2", "::1"]


def test_the_first_address_is_the_one_that_the_system_gives_first() -> None:
    assert found(["10.0.0.2", "10.0.0.1"], Spread.FIRST) == ["10.0.0.2", "10.0.0.1"]


def test_only_the_family_of_the_source_addresses_is_used() -> None:
    assert found(["10.0.0.1", "::1"], family=socket.AF_INET6) == ["::1"]
    assert found(["10.0.0.1"], family=socket.AF_INET6) == ["10.0.0.1"]  # refused later, by name


def test_an_unknown_name_is_the_mistake_of_whoever_wrote_it() -> None:
    with pytest.raises(TargetError, match=r"unknown host 'broker.test': Name or service not known"):
        resolve(ADDRESS, look_up=names({}))


def test_a_route_has_each_host_of_the_target() -> None:
    route = route_to(parse_target("a:1883,b:1884"), look_up=names({"a": ["10.0.0.1"], "b": ["10.0.0.2", "10.0.0.3"]}))
    assert [host.address for host in route.hosts] == [Address("a", 1883), Address("b", 1884)]
    assert route.endpoints[-1] == endpoint_of("10.0.0.3", 1884)


def test_sources_of_the_other_family_are_refused_before_the_load() -> None:
    group = {"name": "g", "clients": 1, "interval": "1s"}
    warhead = Warhead.model_validate({"group": [group], "attack": {"duration": "1s", "source_addresses": ["::1"]}})
    look_up = names({"four.test": ["127.0.0.1"], "dual.test": ["127.0.0.1", "::1"]})
    with pytest.raises(OperatorError, match=r"::1 cannot connect to 127\.0\.0\.1:1883, which is IPv4"):
        routes_of(warhead, {"g": parse_target("four.test")}, 1, 1, look_up)
    routes = routes_of(warhead, {"g": parse_target("dual.test")}, 1, 1, look_up)
    assert routes["g"].endpoints == (endpoint_of("::1", 1883),)
    assert routes["g"].sources == ("::1",)


def test_the_system_knows_numeric_addresses() -> None:
    assert system_look_up(Address("127.0.0.1", 1883)) == [endpoint_of("127.0.0.1", 1883)]
    assert system_look_up(Address("::1", 1883)) == [endpoint_of("::1", 1883)]
    assert system_look_up(Address("fe80::1%lo", 1883)) == [endpoint_of("fe80::1%lo", 1883)]
