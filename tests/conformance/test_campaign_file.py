"""The shipped campaign against the broker that it describes: keys made, listeners open, every client in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from conftest import lacking
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome, AttackRequest, conduct
from malaria.broker import CleanStart, Lifecycle, find_mosquitto
from malaria.campaigns.adjustments import with_hold
from malaria.campaigns.definition import Campaign, Variant, load_campaign
from malaria.model.observe import NOTHING
from malaria.model.target import parse_target

FILE: Final = Path(__file__).parents[2] / "campaigns" / "500bytes-6s.toml"
SHORT_NS: Final = 6 * 10**9


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return with_hold(load_campaign(FILE), SHORT_NS)


@pytest.fixture(scope="module")
def broker(campaign: Campaign) -> Iterator[Lifecycle]:
    if find_mosquitto() is None:
        lacking("mosquitto is not installed", "apt install mosquitto")
    with Lifecycle(campaign.broker) as lifecycle:
        assert lifecycle.begin_level("1") == CleanStart(True, "started for this level; it keeps nothing on its disk")
        yield lifecycle


def attack(broker: Lifecycle, variant: Variant, directory: Path) -> AttackOutcome:
    access = broker.way_in(variant.warhead.target, variant.listener)
    warhead = variant.warhead.model_copy(update={"target": access})
    assert access.url is not None
    request = AttackRequest(parse_target(access.url), warhead, directory / "run", 1, "a test", "500", NOTHING)
    return conduct(request, lambda _: None, Interrupt())


@pytest.mark.slow
def test_its_first_level(campaign: Campaign, broker: Lifecycle, tmp_path: Path) -> None:
    outcome = attack(broker, campaign.levels[0].attacks[0], tmp_path)
    messages = outcome.summary["messages"]
    assert outcome.summary["clients"]["connected_peak"] == 502
    assert messages["due"] == messages["sent"] == messages["acked"] == 500
    assert messages["delivered"] == messages["expected"] == 1000
    assert broker.running is not None
    users = re.findall(r"u'(malaria-\d{5})'", broker.running.log.read_text())
    assert {f"malaria-{index:05d}" for index in (*range(500), 4500, 4501)} <= set(users)
