"""Who observes a target, and how the observer of `$SYS` gets in."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from malaria.errors import OperatorError
from malaria.model.observe import Observe
from malaria.model.target import Scheme
from malaria.model.warhead import Warhead
from malaria.observe.target_observers import ObservedTarget, TargetObservers, is_local, sys_access
from malaria.transport.route import Route
from routes import host_at

HERE = host_at("localhost", 1883, "127.0.0.1")
THERE = host_at("broker", 1883, "192.0.2.7")
"""An address of documentation (RFC 5737), which no machine has."""


def view(
    observe: dict[str, Any] | None = None, *, here: bool = True, scheme: str = "mqtt", **group: Any
) -> ObservedTarget:
    table = {"name": "meters", "clients": 3, "interval": "1s"} | group
    warhead = Warhead.model_validate({"group": [table], "attack": {"duration": "1s"}})
    route = Route((HERE if here else THERE,), (), Scheme(scheme), "/mqtt")
    return ObservedTarget(Observe.model_validate(observe or {}), warhead, route, Path("there"))


def names(observe: dict[str, Any] | None = None, *, here: bool = True) -> list[str]:
    return [one.observer for one in TargetObservers(view(observe, here=here), lambda: 0).account()]


def test_what_is_observed_by_default() -> None:
    assert names() == ["sys", "process", "host"]
    assert names(here=False) == ["sys"]
    assert names({"sys": False, "host": False, "process": False}) == []


def test_what_is_stated_adds_to_it_or_stands_alone() -> None:
    assert names({"docker": "emqx"}) == ["sys", "process", "host", "docker"]
    assert names({"only": True, "docker": "emqx", "perf": True}) == ["docker", "perf"]
    assert names({"host": "ssh://me@broker", "process": "ssh://me@broker"}, here=False) == ["sys", "process", "host"]


@pytest.mark.parametrize("observe", [{"host": True}, {"process": True}, {"perf": True}])
def test_another_host_cannot_be_looked_at_from_here(observe: dict[str, Any]) -> None:
    with pytest.raises(OperatorError, match="not this machine") as caught:
        names(observe, here=False)
    assert "ssh://" in caught.value.remedy


def test_perf_is_for_processes_of_this_machine() -> None:
    with pytest.raises(OperatorError, match="this machine"):
        names({"process": "ssh://me@broker/mosquitto", "perf": True})


def test_the_process_is_that_of_the_target_s_port() -> None:
    (process,) = TargetObservers(view({"only": True, "process": True}), lambda: 0).account()
    assert process.about == "a process that listens on port 1883 on this host"


def test_the_observer_comes_in_as_the_first_client() -> None:
    access = sys_access(view(username="user-{index}", password="p{index}"))
    assert (access.host, access.port) == ("localhost", 1883)
    assert (access.username, access.password, access.context, access.path) == ("user-0", "p0", None, None)
    assert access.client_id.startswith("malaria-observer-")
    assert "p0" not in repr(access)


def test_a_login_of_its_own_goes_before_that_of_the_clients() -> None:
    own = {"sys": {"username": "watcher", "password": "sesame"}}
    access = sys_access(view(own, username="user-{index}", password="p{index}"))
    assert (access.username, access.password) == ("watcher", "sesame")


def test_the_way_in_may_be_a_websocket() -> None:
    assert sys_access(view(scheme="ws")).path == "/mqtt"


@pytest.mark.parametrize(
    ("host", "family", "local"),
    [("127.0.0.9", socket.AF_INET, True), ("192.0.2.7", socket.AF_INET, False), ("::1", socket.AF_INET6, True)],
)
def test_whose_an_address_is(host: str, family: int, local: bool) -> None:
    assert is_local((family, (host, 1883))) == local
