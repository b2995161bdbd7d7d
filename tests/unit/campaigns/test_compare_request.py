"""The sides of `malaria compare --ab`: targets, brokers, warheads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.campaigns import CampaignRequest, CompareOptions, compare_request
from malaria.errors import CampaignError, OperatorError, TargetError
from malaria.model.observe import Observe
from malaria.model.option_table import LoadOptions
from malaria.model.target import Target
from malaria.model.warhead_options import build_warhead


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.conf").write_text("# a comment\nlistener 1884\nallow_anonymous true\n")
    Path("plain.conf").write_text("allow_anonymous true\n")
    Path("started.toml").write_text(
        '[broker]\nkind = "mosquitto"\nconfig = "old.conf"\n[target]\nurl = "mqtt://127.0.0.1:1884"\n'
    )
    Path("small.toml").write_text('[attack]\nduration = "1m"\n[[group]]\nname = "m"\nclients = 5\nsize = 10\n')
    Path("large.toml").write_text('[attack]\nduration = "1m"\n[[group]]\nname = "m"\nclients = 5\nsize = 9999\n')


def made(a: str, b: str, load: dict[str, Any] | None = None, **options: Any) -> CampaignRequest:
    stated = LoadOptions(**(load or {}))
    warhead = build_warhead(LoadOptions(**stated, duration="10s"), subscriber=True)
    wanted = CompareOptions(a, b, warhead, stated, "10s", {"pairs": 3}, Observe(), **options)
    return compare_request(wanted, "malaria compare --ab", Path("run"), lambda clients: 1)


def sides(request: CampaignRequest) -> list[tuple[str, str | None, str]]:
    return [(str(level.broker.kind), level.warhead.target.url, level.title) for level in request.campaign.levels]


def test_two_targets() -> None:
    request = made("one:1884", "mqtts://two", {"clients": 7})
    assert sides(request) == [
        ("none", "mqtt://one:1884", "mqtt://one:1884"),
        ("none", "mqtts://two:8883", "mqtts://two:8883"),
    ]
    assert [group.clients for group in request.campaign.levels[1].warhead.groups] == [7, 1]
    assert (request.program.length, request.campaign.title) == (6, "A mqtt://one:1884 · B mqtts://two:8883")


def test_brokers_that_are_started() -> None:
    request = made("mosquitto", "embedded")
    assert sides(request) == [("mosquitto", None, "mosquitto"), ("embedded", None, "embedded")]


def test_configurations_of_mosquitto() -> None:
    request = made("old.conf", "plain.conf")
    assert sides(request) == [
        ("mosquitto", "mqtt://127.0.0.1:1884", "old.conf"), ("mosquitto", "mqtt://127.0.0.1:1883", "plain.conf")
    ]  # fmt: skip
    assert request.campaign.levels[0].broker.config == str(Path("old.conf").absolute())


def test_a_broker_in_tables(tmp_path: Path) -> None:
    (side, _) = made("started.toml", "mosquitto").campaign.levels
    assert (side.broker.config, side.warhead.target.url) == (str(tmp_path / "old.conf"), "mqtt://127.0.0.1:1884")


def test_two_warheads() -> None:
    request = made("small.toml", "large.toml", {"clients": 9}, target="mosquitto")
    assert sides(request) == [("mosquitto", None, "small.toml"), ("mosquitto", None, "large.toml")]
    groups = [level.warhead.groups[0] for level in request.campaign.levels]
    assert [(group.clients, group.size) for group in groups] == [(9, "10"), (9, "9999")]
    # the hold is that of the comparison
    assert {level.warhead.attack.duration_ns for level in request.campaign.levels} == {10 * 10**9}
    at_a_host = made("small.toml", "large.toml", target="one")
    assert {level.warhead.target.url for level in at_a_host.campaign.levels} == {"mqtt://one:1883"}


def test_a_password_is_not_stored() -> None:
    def login(target: Target) -> Target:
        return target.with_credentials("meter", "hush")

    request = made("one", "two", check=login)
    assert {level.warhead.target.password for level in request.campaign.levels} == {"hush"}
    assert "meter" in request.copy
    assert "hush" not in request.copy


@pytest.mark.parametrize(
    ("a", "b", "target", "message"),
    [
        ("small.toml", "one", None, "one side is a warhead"),
        ("small.toml", "large.toml", None, "two warheads need a target"),
        ("one", "two", "three", "--target is for two warheads"),
        ("none.toml", "one", None, "none.toml: no such file"),
    ],
)
def test_what_is_refused(a: str, b: str, target: str | None, message: str) -> None:
    with pytest.raises(CampaignError, match=message):
        made(a, b, target=target)


def test_a_load_for_both_sides_is_none_for_two_warheads() -> None:
    with pytest.raises(CampaignError, match="-w and --no-subscriber would do nothing"):
        made("small.toml", "large.toml", target="one", one_load=True)
    assert made("one", "two", one_load=True).program.length == 6


def test_a_target_that_must_not_be_loaded() -> None:
    def refuse(target: Target) -> Target:
        raise TargetError(str(target))

    with pytest.raises(OperatorError, match="two"):
        made("mosquitto", "two", check=refuse)
