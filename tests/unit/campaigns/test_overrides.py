"""Options of the command line, applied to a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from campaign_fakes import TEXT
from malaria.campaigns.definition import Campaign, campaign_from_toml
from malaria.campaigns.overrides import complete, overridden, typed, without_secrets
from malaria.errors import CampaignError, OperatorError
from malaria.model.broker import BrokerKind
from malaria.plan.credentials import Credentials


@pytest.fixture
def campaign() -> Campaign:
    return campaign_from_toml(TEXT, "meters.toml")


def test_nothing_is_said(campaign: Campaign) -> None:
    assert overridden(campaign, {}) == campaign
    assert overridden(campaign, {"password": "of something else", "psk": "00"}) == campaign


def test_levels_and_hold(campaign: Campaign) -> None:
    short = overridden(campaign, {"levels": "7", "hold": "3s"})
    assert [(level.clients, level.warhead.attack.duration_ns) for level in short.levels] == [(7, 3 * 10**9)]


def test_another_target(campaign: Campaign) -> None:
    said: dict[str, str | None] = {
        "target": "wss://broker/mqtt", "insecure": None, "no_resume": None, "tls_version": "1.3", "username": "u",
        "password": "p", "header": "A: b\nC: d",
    }  # fmt: skip
    there = overridden(campaign, said)
    access = there.levels[0].warhead.target
    assert there.broker.kind is BrokerKind.NONE
    assert (access.url, access.username, access.password) == ("wss://broker/mqtt", "u", "p")
    assert (access.insecure, access.resume, access.tls_version) == (True, False, "1.3")
    assert dict(access.headers) == {"A": "b", "C": "d"}


def test_a_login_is_no_template(campaign: Campaign) -> None:
    there = overridden(campaign, {"target": "broker", "username": "me{x", "password": "hu{sh"})
    warhead = there.levels[0].warhead
    assert Credentials(warhead.target, warhead.groups[0], "run").login_at(0) == ("me{x", "hu{sh")


def test_a_password_for_nobody_is_that_of_another_broker(campaign: Campaign) -> None:
    assert overridden(campaign, {"target": "broker", "password": "p"}).levels[0].warhead.target.password is None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"psk_file": "x"}, "--psk-file can be used only with --target"),
        ({"username": "x"}, "--username can be used only with --target"),
        ({"hold": "soon"}, "--hold: "),
        ({"hold": "0s"}, "--hold: "),
        ({"levels": "6"}, "--levels: no level has '6' clients"),
        ({"target": "mqtts://b", "tls_version": "1.1"}, "--tls-version: "),
        ({"target": "mqtts://b", "psk_file": "x", "psk_identity": "y", "psk": "00"}, "--psk-identity: "),
    ],
)
def test_what_is_impossible_names_the_option(campaign: Campaign, said: dict[str, Any], message: str) -> None:
    with pytest.raises(CampaignError) as caught:
        overridden(campaign, said)
    assert caught.value.message.startswith(message)


def test_what_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    said = complete({"target": "mqtts://me:hush@broker", "cafile": "ca.pem", "insecure": None, "psk": "00ff"})
    assert said["password"] == "hush"
    kept = without_secrets(said)
    assert kept == {
        "target": "mqtts://broker:8883", "cafile": str(tmp_path / "ca.pem"), "insecure": None, "username": "me",
    }  # fmt: skip
    assert typed(said) == [
        "--target", "mqtts://broker:8883", "--cafile", str(tmp_path / "ca.pem"), "--insecure", "--username", "me",
    ]  # fmt: skip


def test_an_option_wins_over_the_url() -> None:
    said = complete({"target": "u:p@broker", "username": "v", "password": "q"})
    assert (said["username"], said["password"]) == ("v", "q")
    with pytest.raises(OperatorError):
        complete({"target": "http://broker"})
