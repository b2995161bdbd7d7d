"""The copy of a campaign's file that needs no other, and holds no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.campaigns.definition import campaign_from_toml, load_campaign
from malaria.campaigns.file_copy import campaign_copy
from malaria.errors import OperatorError

ROOT = Path(__file__).parents[3]
WITH_SECRETS = """
title = "t"
[target]
url = "mqtts://broker"
psk_identity = "me"
psk = "00ff00ff"
[observe]
prometheus = "http://me:hush@broker:9000/metrics"
sys = { username = "admin", password = "hush" }
[defaults]
hold = "10s"
warhead = "load/meters.toml"
[[level]]
group.password.clients = 3
"""
LOAD = """
[[group]]
name = "password"
clients = 5
topic = "m"
payload = "file:payload.bin"
[group.target]
username = "u"
password = "hush"
psk_file = "keys.psk"
"""


def test_it_gives_the_same_campaign_from_anywhere(tmp_path: Path) -> None:
    path = ROOT / "campaigns" / "500bytes-6s.toml"
    copy = campaign_copy(path.read_text(), path.parent)
    assert campaign_from_toml(copy, str(path), tmp_path) == load_campaign(path)


def test_it_needs_no_other_file_and_no_secret_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "meters.toml").write_text(LOAD.replace('psk_file = "keys.psk"\n', ""))
    copy = campaign_copy(WITH_SECRETS, tmp_path)
    assert "hush" not in copy
    assert "00ff" not in copy
    assert copy.startswith("# Passwords, keys and headers are not stored here")
    (tmp_path / "load" / "meters.toml").unlink()
    again = campaign_from_toml(copy, "copy", Path("/elsewhere"), {"psk": "00ff00ff"})
    (group,) = again.levels[0].warhead.groups
    assert (group.name, group.clients) == ("password", 3)
    assert str(group.payload).endswith(f"{tmp_path}/load/payload.bin") or str(tmp_path) in copy
    assert again.levels[0].warhead.target.psk == "00ff00ff"


def test_paths_are_whole(tmp_path: Path) -> None:
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "meters.toml").write_text(LOAD)
    copy = campaign_copy(WITH_SECRETS, tmp_path)
    assert f'psk_file = "{tmp_path}/load/keys.psk"' in copy
    assert f'payload = "file:{tmp_path}/load/payload.bin"' in copy


def test_what_is_no_campaign(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="is not TOML"):
        campaign_copy("[", tmp_path)


@pytest.mark.parametrize("login", ["me:x@sekrit99", "me:sekrit99", ":sekrit99", "me:@@sekrit99@", "m@e:a:sekrit99"])
def test_no_part_of_a_password_in_a_url_is_in_the_copy(tmp_path: Path, login: str) -> None:
    copy = campaign_copy(f'[observe]\nprometheus = "http://{login}@h:9/metrics"\n', tmp_path)
    assert "sekrit" not in copy
    assert '"http://h:9/metrics"' in copy
