"""Swarms and their bees as values."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.errors import SwarmError
from malaria.swarm.hosts.inventory import (
    BeeHost,
    Swarm,
    inventory_from,
    swarm_from_toml,
    swarm_of,
    swarm_to_toml,
    table_of,
)

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"host": "-x"}, "host"),
        ({"user": "a b"}, "user"),
        ({"directory": "~"}, "directory"),
        ({"directory": "~/"}, "directory"),
        ({"directory": "/"}, "directory"),
        ({"directory": "~/a/../.."}, "directory"),
        ({"directory": "malaria"}, "directory"),
        ({"directory": "~/a;b"}, "directory"),
        ({"host_key": "not one"}, "host_key"),
        ({"jump": "-x"}, "jump"),
        ({"port": 0}, "port"),
        ({"name": "../x"}, "name"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_bee_that_cannot_be_is_refused_with_its_key(change: dict[str, Any], key: str) -> None:
    with pytest.raises(SwarmError, match=rf"swarm: bee\[0\]\.{key}: ") as refusal:
        swarm_of({"bee": [{"name": "bee-1", "host": "10.0.0.3"} | change]})
    assert refusal.value.remedy


def test_two_bees_have_not_the_same_name_nor_the_same_place() -> None:
    one = {"name": "bee-1", "host": "10.0.0.3"}
    with pytest.raises(SwarmError, match=r"bee\[1\]\.name: 'bee-1' is used twice"):
        swarm_of({"bee": [one, one | {"host": "10.0.0.4"}]})
    with pytest.raises(SwarmError, match=r"bee\[1\]\.host: 10\.0\.0\.3 is already a bee"):
        swarm_of({"bee": [one, one | {"name": "bee-2"}]})
    assert len(swarm_of({"bee": [one, one | {"name": "bee-2", "directory": "~/.malaria-2"}]}).hosts) == 2


def test_a_swarm_comes_back_from_its_file_as_it_was() -> None:
    bees = (
        BeeHost(name="bee-1", host="10.0.0.3"),
        BeeHost(
            name="east",
            host="bee.example",
            user="karl",
            port=2222,
            jump="karl@gate:22,deep",
            key="~/.ssh/bees",
            host_key=HOST_KEY,
            directory="/srv/malaria",
            source_addresses=("10.0.0.4", "10.0.0.5"),
            region="us-east-1",
            instance="i-0123",
        ),
    )
    swarm = Swarm(name="night", region="us-east-1", bee=bees)
    assert swarm_from_toml(swarm_to_toml(swarm)) == swarm


def test_new_bees_get_the_first_names_that_are_free() -> None:
    swarm = Swarm().with_more([table_of("a"), {"name": "bee-3", "host": "b"}, table_of("karl@c:22")])
    assert [bee.name for bee in swarm.with_more([table_of("d")]).hosts] == ["bee-1", "bee-3", "bee-2", "bee-4"]


def test_an_inventory_has_lines_or_tables() -> None:
    lines = "# the night shift\nkarl@10.0.0.3:2222  # rack 1\n\nbee.example\n"
    assert inventory_from(lines, "bees.txt") == [
        {"host": "10.0.0.3", "user": "karl", "port": 2222},
        {"host": "bee.example", "user": ""},
    ]
    tables = '[[bee]]\nhost = "a"\njump = "gate"\n[[bee]]\nname = "x"\nhost = "b"\n'
    assert inventory_from(tables, "bees.toml") == [
        {"host": "a", "jump": "gate"},
        {"name": "x", "host": "b"},
    ]


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("bees.txt", "a\n-x\n", "bees.txt: line 2: '-x' is not a host"),
        ("bees.toml", "[[bee]]\nhots = 'a'\n", r"bees.toml: bee\[0\]\.host: is missing"),
        ("bees.toml", "bee = 3", "bees.toml: bee: is not a list of tables"),
        ("bees.toml", "[[bee", "bees.toml: "),
    ],
)
def test_a_wrong_inventory_is_refused_with_its_place(file: str, text: str, place: str) -> None:
    with pytest.raises(SwarmError, match=place):
        inventory_from(text, file)


def test_bees_are_chosen_by_name() -> None:
    swarm = Swarm().with_more([table_of("a"), table_of("b")])
    assert [bee.host for bee in swarm.chosen(["bee-2"])] == ["b"]
    assert swarm.chosen([]) == swarm.hosts
    with pytest.raises(SwarmError, match="swarm bees has no bee 'bee-9'"):
        swarm.chosen(["bee-9"])


def test_an_attack_may_leave_bees_out() -> None:
    swarm = swarm_of({"name": "night", "bee": [{"name": f"bee-{n}", "host": f"10.0.0.{n}"} for n in (1, 2, 3)]})
    assert [bee.name for bee in swarm.limited_to(["bee-3", "bee-1"]).hosts] == ["bee-3", "bee-1"]
    assert [bee.name for bee in swarm.limited_to([], ["bee-2"]).hosts] == ["bee-1", "bee-3"]
    for names, without in ((["bee-9"], []), ([], ["bee-9"]), (["bee-1"], ["bee-1"])):
        with pytest.raises(SwarmError):
            swarm.limited_to(names, without)
