"""What `--levels`, `--hold` and `--target` make of a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.campaigns.adjustments import only_levels, with_hold, with_target
from malaria.campaigns.definition import Campaign, campaign_from_toml
from malaria.errors import CampaignError, OperatorError
from malaria.model.access import Access
from malaria.model.broker import BrokerKind

S = 10**9
TEXT = """
title = "t"
[broker]
kind = "mosquitto"
[[broker.listener]]
kind = "psk"
psk_clients = 9
[[broker.listener]]
[defaults]
listener = "psk"
hold = "10m"
[[defaults.warhead.group]]
name = "meters"
clients = 5
start_after = "1m"
[[level]]
[[level]]
clients = 7
observe.perf = { at = "2m", seconds = "30s" }
[[level.surge]]
clients = 3
at = "2m"
hold = "5m"
ramp = "30s"
[[level.change]]
at = "4m"
do = "rate=2/s"
[[level.variant]]
name = "without TLS"
listener = "plain"
[[level.variant]]
name = "QoS 0 without TLS"
listener = "plain"
group.meters.qos = 0
[[level]]
clients = 7
title = "again"
"""


@pytest.fixture
def campaign() -> Campaign:
    return campaign_from_toml(TEXT, "c.toml", Path("/nowhere"))


def test_levels_by_their_clients(campaign: Campaign) -> None:
    some = only_levels(campaign, "7")
    assert [level.title for level in some.levels] == ["7 clients, +3", "again"]
    assert some.left_out == ("level 5 clients (--levels)",)
    assert only_levels(campaign, " 5 , 7 ").levels == campaign.levels


@pytest.mark.parametrize("text", ["6", "", "5,six", "5;7"])
def test_levels_that_are_not_there(campaign: Campaign, text: str) -> None:
    with pytest.raises(CampaignError, match="no level has") as caught:
        only_levels(campaign, text)
    assert caught.value.remedy == "numbers of clients: 5, 7; names: level-1 to level-3"


def test_levels_by_their_names(campaign: Campaign) -> None:
    some = only_levels(campaign, "level-3,5")
    assert [(level.number, level.title) for level in some.levels] == [(1, "5 clients"), (3, "again")]
    assert only_levels(some, "level-3").levels[0].name == "level-3"


def test_a_shorter_hold_keeps_the_proportions(campaign: Campaign) -> None:
    short = with_hold(campaign, 60 * S)
    attacks: list[Any] = [attack for level in short.levels for attack in level.attacks]
    assert {attack.warhead.attack.duration_ns for attack in attacks} == {60 * S}
    assert {attack.warhead.groups[0].start_after_ns for attack in attacks} == {6 * S}
    (surge,) = short.levels[1].warhead.surges
    assert (surge.at_ns, surge.hold_ns, surge.ramp_ns) == (12 * S, 30 * S, 3 * S)
    assert [change.at_ns for change in short.levels[1].warhead.changes] == [24 * S]
    found = [level.observe.perf for level in short.levels]
    assert [perf and (perf.at_ns, perf.seconds_ns) for perf in found] == [None, (12 * S, 30 * S), None]
    shorter = with_hold(campaign, 20 * S).levels[1].observe.perf
    assert shorter is not None
    assert (shorter.at_ns, shorter.seconds_ns) == (4 * S, 16 * S * 2 // 3)  # a third is left to read it
    assert with_hold(short, 600 * S) == campaign


def test_a_hold_that_is_too_short(campaign: Campaign) -> None:
    with pytest.raises(CampaignError, match="longer than 0 s"):
        with_hold(campaign, 0)
    with pytest.raises(OperatorError, match=r"c\.toml with --hold: level 7 clients, \+3: surge\[0\]\.hold") as caught:
        with_hold(campaign, 2_000_000)
    assert caught.value.remedy


def test_another_target_is_not_ours_to_start(campaign: Campaign) -> None:
    target = Access(url="mqtts://box", psk_file="/k")
    away = with_target(campaign, target)
    assert away.broker.kind is BrokerKind.NONE
    assert [[attack.name for attack in level.attacks] for level in away.levels] == [
        [""],
        ["", "QoS 0 without TLS"],
        [""],
    ]
    assert {(attack.listener, attack.warhead.target) for level in away.levels for attack in level.attacks} == {
        (None, target)
    }
    assert len(away.left_out) == 1
    assert away.left_out[0].startswith("without TLS of level 7 clients, +3")
