"""The sides of `malaria compare --ab`: targets, brokers, warheads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.campaigns import CampaignRequest, CompareOptions, compare_request, resumed_request
from malaria.campaigns.recorder import CampaignRecorder
from malaria.errors import CampaignError
from malaria.model.observe import Observe
from malaria.model.option_table import LoadOptions
from malaria.model.warhead_options import build_warhead
from malaria.plan.credentials import Credentials


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.conf").write_text("# a comment\nlistener 1884\nallow_anonymous true\n")
    Path("plain.conf").write_text("allow_anonymous true\n")
    Path("started.toml").write_text(
        '[broker]\nkind = "mosquitto"\nconfig = "old.conf"\n[target]\nurl = "mqtt://127.0.0.1:1884"\n'
    )
    Path("small.toml").write_text('[attack]\nduration = "1m"\n[[group]]\nname = "m"\nclients = 5\nsize = 10\n')
    aimed = '[target]\nurl = "mqtt://three"\nusername = "they"\npassword = "theirs"\n'
    Path("aimed.toml").write_text(f'{aimed}[[group]]\nname = "m"\nclients = 5\n')
    users = '[target]\nurl = "mqtt://three"\ncredentials_file = "users.csv"\n'
    Path("with-users.toml").write_text(f'{users}[[group]]\nname = "m"\nclients = 5\n')
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


def logins(request: CampaignRequest) -> set[tuple[str | None, str | None]]:
    """Return what the first client of each group logs in with."""
    warheads = [level.warhead for level in request.campaign.levels]
    return {Credentials(warhead.target, group, "run").login_at(0) for warhead in warheads for group in warhead.groups}


@pytest.mark.parametrize(
    ("a", "b", "target"),
    [
        ("one", "two", None),
        ("one", "mosquitto", None),
        ("old.conf", "started.toml", None),
        ("small.toml", "large.toml", "mosquitto"),
        ("small.toml", "large.toml", "old.conf"),
        ("small.toml", "large.toml", "one"),
        ("aimed.toml", "with-users.toml", None),
        ("aimed.toml", "with-users.toml", "mosquitto"),
    ],
)
def test_a_login_reaches_every_client_and_its_password_is_not_stored(a: str, b: str, target: str | None) -> None:
    request = made(a, b, target=target, login=("me{x", "hu{sh"))
    assert logins(request) == {("me{x", "hu{sh")}
    assert "hu{sh" not in request.copy.replace("{{", "{")


@pytest.mark.parametrize(
    ("a", "b", "target"),
    [
        ("one", "mosquitto", None),
        ("old.conf", "started.toml", None),
        ("small.toml", "aimed.toml", "mosquitto"),
        ("aimed.toml", "aimed.toml", None),
    ],
)
def test_what_goes_on_gets_its_password_again(tmp_path: Path, a: str, b: str, target: str | None) -> None:
    request = made(a, b, target=target, login=("me{x", "hu{sh"))
    with CampaignRecorder(request, lambda *_: {}, lambda _: None):
        pass
    again = resumed_request(tmp_path / "run", {"password": "hu{sh"}, lambda clients: 1)
    assert logins(again) == {("me{x", "hu{sh")}


def test_a_login_of_a_warhead_goes_on_too(tmp_path: Path) -> None:
    request = made("aimed.toml", "aimed.toml")
    with CampaignRecorder(request, lambda *_: {}, lambda _: None):
        pass
    again = resumed_request(tmp_path / "run", {"password": "theirs"}, lambda clients: 1)
    assert logins(again) == logins(request) == {("they", "theirs")}


def test_a_broker_for_two_warheads_takes_the_place_of_their_own() -> None:
    request = made("aimed.toml", "aimed.toml", target="mosquitto")
    assert sides(request) == [("mosquitto", None, "aimed.toml")] * 2
    assert logins(request) == {(None, None)}


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


def test_a_target_that_is_no_table() -> None:
    Path("wrong.toml").write_text("target = 5\n")
    with pytest.raises(CampaignError, match=r"wrong\.toml: target is no table"):
        made("wrong.toml", "one", login=("me", None))
