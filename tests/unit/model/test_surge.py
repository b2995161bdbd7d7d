"""Surges in a warhead: what they say, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.clock import NS_PER_S
from malaria.errors import WarheadError
from malaria.model.surge import MOST_SURGES, Surge, describe_surge, surge_table
from malaria.model.warhead import Warhead, describe, to_toml, warhead_from_toml
from malaria.units import NotationError

METERS = '[attack]\nduration = "60s"\n[[group]]\nname = "meters"\nclients = 10\ninterval = "6s"\n'


def warhead(*surges: str, before: str = METERS) -> Warhead:
    return warhead_from_toml(before + "".join(f"[[surge]]\n{surge}\n" for surge in surges), "w.toml")


def test_what_a_surge_says() -> None:
    made = warhead(
        'group = "meters"\nclients = 5\nat = "10s"\nhold = "20s"\nramp = "2s"', 'group = "meters"\nclients = 7\nat = 0'
    )
    assert made.surges == (
        Surge(group="meters", clients=5, at="10s", hold="20s", ramp="2s"),
        Surge(group="meters", clients=7, at=0),
    )
    assert [surge.leave_ns for surge in made.surges] == [30 * NS_PER_S, None]
    assert made.clients_of(made.groups[0]) == 22


def test_it_is_written_as_it_was_read() -> None:
    made = warhead('group = "meters"\nclients = 5\nat = "90ms"\nhold = "1m"', 'group = "meters"\nclients = 7\nat = 0')
    assert warhead_from_toml(to_toml(made)) == made
    assert to_toml(warhead()).find("surge") == -1


def test_it_is_told_in_the_line_of_the_load() -> None:
    made = warhead(
        'group = "meters"\nclients = 500\nat = "10s"\nhold = "20s"', 'group = "meters"\nclients = 1\nat = "59s"'
    )
    assert describe(made).endswith("1 min · +500 clients at 0:10 for 20 s · +1 client at 0:59")
    assert describe_surge(made.surges[1]) == "+1 client at 0:59"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("500@10s+20s", {"clients": 500, "at": "10s", "hold": "20s"}),
        (" 5 @ 10m ", {"clients": 5, "at": "10m"}),
        ("1@0", {"clients": 1, "at": "0"}),
    ],
)
def test_the_short_notation(text: str, said: dict[str, Any]) -> None:
    assert surge_table(text) == said


@pytest.mark.parametrize("text", ["", "5", "5@", "@5s", "-5@3s", "5@3s+", "x@3s", "5.5@3s", "9" * 5000 + "@1s", "²@1s"])
def test_what_is_no_surge(text: str) -> None:
    with pytest.raises(NotationError, match="is not a surge"):
        surge_table(text)


M = 'group = "meters"\n'


@pytest.mark.parametrize(
    ("surge", "message"),
    [
        ("clients = 1\nat = 1", "surge[0].group: is missing"),
        (M + "at = 1", "surge[0].clients: is missing"),
        (M + "clients = 1", "surge[0].at: is missing"),
        (M + "clients = 0\nat = 1", "surge[0].clients: 0 is too small"),
        (M + "clients = 1\nat = -1", "surge[0].at: -1 is not a duration"),
        (M + "clients = 1\nat = 1\nholds = 2", "surge[0].holds: unknown key"),
        ('group = "other"\nclients = 1\nat = 1', "surge[0].group: there is no group 'other'"),
        (M + "clients = 1\nat = 60", "surge[0].at: the attack ends before: it lasts 1 min"),
        (M + "clients = 1\nat = 1\nhold = 0", "surge[0].hold: must be longer than 0 s"),
        (M + "clients = 1\nat = 1\nhold = 2\nramp = 3", "surge[0].ramp: is longer than hold"),
        (M + "clients = 1\nat = 59\nramp = 3", "surge[0].ramp: is not over when the attack ends after 1 min"),
        (M + "clients = 5000\nat = 1\nhold = 4", "surge[0].hold: 5,000 clients at 1000 connects per second need 5 s"),
        (M + "clients = 100_000_001\nat = 1", "surge[0].clients: 100000001 is too large"),
    ],
)
def test_what_cannot_be(surge: str, message: str) -> None:
    with pytest.raises(WarheadError) as caught:
        warhead(surge)
    assert message in caught.value.message
    assert caught.value.message.startswith("w.toml: ")
    assert caught.value.remedy


def test_further_clients_need_ids_of_their_own() -> None:
    alone = METERS.replace("clients = 10", 'clients = 1\nclient_id = "me"')
    with pytest.raises(WarheadError, match=r"surge\[0\]\.group: every client of meters has the same id"):
        warhead(M + "clients = 1\nat = 1", before=alone)
    beside = METERS.replace("clients = 10", 'clients = 10\nclient_id = "c{index}"')
    beside += '[[group]]\nname = "other"\nclients = 1\nclient_id = "c12"\nrole = "connect"\n'
    warhead(M + "clients = 2\nat = 1", before=beside)
    with pytest.raises(WarheadError, match="'c12' is a client of group meters too"):
        warhead(M + "clients = 3\nat = 1", before=beside)


def test_more_surges_than_can_be_followed_are_refused() -> None:
    with pytest.raises(WarheadError, match="surge: are 1,001 surges; a load can have 1,000"):
        warhead(*[M + "clients = 1\nat = 1"] * (MOST_SURGES + 1))
