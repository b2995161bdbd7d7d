"""The demo's levels follow from what the machine can do just now."""

from __future__ import annotations

from importlib.resources import files

import pytest

from malaria.campaigns.calibration import free_share
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.demo_campaign import FILE, fitted

TEXT = files("malaria.campaigns").joinpath(FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("share", "clients"),
    [
        (1.0, [100, 300, 600]),
        (0.5, [100, 300, 600]),
        (0.49, [50, 150, 300]),
        (0.25, [50, 150, 300]),
        (0.1, [20, 60, 120]),
        (0.0, [20, 60, 120]),
    ],
)
def test_a_busy_machine_gets_fewer_clients(share: float, clients: list[int]) -> None:
    campaign = campaign_from_toml(fitted(TEXT, share), FILE)
    assert [level.clients for level in campaign.levels] == clients
    assert [level.title for level in campaign.levels] == [f"{count} meters, once a second" for count in clients]
    assert (f"{share:.0%} of a core" in campaign.note) is (clients[-1] < 600)


def test_every_level_has_enough_messages_for_a_p99() -> None:
    campaign = campaign_from_toml(fitted(TEXT, 0.0), FILE)
    hold_s = campaign.levels[0].warhead.attack.duration_ns / 10**9
    assert campaign.levels[0].clients * hold_s >= 100


def test_the_share_is_one_of_a_core() -> None:
    assert 0 < free_share(0.01) <= 1
