"""Instances as bees; what makes a request the same; the keys that are made for a swarm."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from malaria.errors import SwarmError
from malaria.swarm.hosts.cloud import HOST_KEY_TAG, InstanceRequest, token
from malaria.swarm.hosts.cloud_keys import forget_keys, host_key, key_file, nonce, public_key, user_data
from malaria.swarm.hosts.cloud_swarm import bee_tables, merge_bees
from malaria.swarm.hosts.inventory import BeeHost
from malaria.swarm.hosts.state import list_swarms, state_directory

REQUEST = InstanceRequest("night", 3, "us-east-1", "ami-1", "c7i.large")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path / "home"))


def instance(name: str, address: str = "", **more: Any) -> dict[str, Any]:
    tags = [{"Key": HOST_KEY_TAG, "Value": "ssh-ed25519 AAAAAAAAAAAAAAAAAAAA"}]
    return {"InstanceId": name, "PublicIpAddress": address, "Tags": tags} | more


def test_the_same_request_has_the_same_token_until_it_is_answered() -> None:
    once = nonce("night")
    assert nonce("night") == once
    assert token(REQUEST, ["i-1", "i-2"], once) == token(REQUEST, ["i-2", "i-1"], once)
    others = [token(REQUEST, ["i-1"], once), token(REQUEST, ["i-1", "i-2"], "other")]
    assert token(REQUEST, ["i-1", "i-2"], once) not in others
    assert len(token(REQUEST, [], once)) <= 64


def test_instances_become_bees_with_the_host_key_that_they_must_have() -> None:
    found = [instance("i-1", "1.2.3.4"), instance("i-2"), instance("i-3", PrivateIpAddress="10.0.0.3")]
    tables = bee_tables(found, "us-east-1", "ubuntu", "/k")
    assert [(table["instance"], table["host"]) for table in tables] == [("i-1", "1.2.3.4"), ("i-3", "10.0.0.3")]
    bee = BeeHost(name="bee-1", **tables[0])
    assert (bee.host_key, bee.user, bee.of_cloud) == ("ssh-ed25519 AAAAAAAAAAAAAAAAAAAA", "ubuntu", True)


def test_a_swarm_keeps_its_other_bees_and_follows_its_instances() -> None:
    bees = [
        BeeHost(name="bee-1", host="9.9.9.9", instance="i-1"),
        BeeHost(name="mine", host="10.0.0.9"),
        BeeHost(name="bee-2", host="8.8.8.8", instance="i-gone"),
    ]
    found = bee_tables([instance("i-1", "1.1.1.1"), instance("i-5", "5.5.5.5")], "us-east-1", "ubuntu", "")
    now = merge_bees(bees, found)
    assert [bee.host if isinstance(bee, BeeHost) else bee["host"] for bee in now] == ["1.1.1.1", "10.0.0.9", "5.5.5.5"]


def test_a_host_key_is_made_once_and_given_to_instances_alone() -> None:
    public = host_key("night")
    assert public.startswith("ssh-ed25519 ")
    assert host_key("night") == public
    data = user_data("night")
    private = (state_directory() / "night.host_key").read_text()
    assert data.startswith("#cloud-config\n")
    assert all(f"    {line}" in data for line in private.splitlines())
    assert public in data
    for name in ("night.host_key", key_file("night").name):
        assert stat.S_IMODE((state_directory() / name).stat().st_mode) == 0o600
    assert list_swarms() == []
    forget_keys("night")
    assert list(state_directory().iterdir()) == []


def test_the_public_half_of_a_key_is_found(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "k")
    assert public_key(tmp_path / "k") == key.export_public_key().decode().strip()
    (tmp_path / "bad").write_text("no key")
    for name in ("bad", "gone"):
        with pytest.raises(SwarmError):
            public_key(tmp_path / name)
