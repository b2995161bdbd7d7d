"""What shows before an attack, without its target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.attacks.preflight import AttackRequest, dry_run
from malaria.errors import HostLimitError, OperatorError
from malaria.model.observe import Observe
from malaria.model.target import parse_target
from malaria.model.warhead import Warhead

THERE = "192.0.2.7"
"""An address of documentation (RFC 5737), which no machine has."""


def request(tmp_path: Path, url: str = "127.0.0.1:1883", observe: dict[str, Any] | None = None, **table: Any) -> Any:
    group = {"name": "meters", "clients": 3, "interval": "1s"}
    warhead = Warhead.model_validate({"group": [group], "attack": {"duration": "1s"}} | table)
    wanted = Observe.model_validate(observe or {})
    return AttackRequest(parse_target(url), warhead, tmp_path / "run", 1, "", "", wanted)


def test_nothing_is_in_the_way(tmp_path: Path) -> None:
    assert callable(dry_run(request(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_keys_that_are_too_few(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a:00\nb:01\n")
    with pytest.raises(OperatorError, match="3"):
        dry_run(request(tmp_path, "mqtts://127.0.0.1:8883", target={"psk_file": str(keys)}))


def test_what_cannot_be_observed(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"observe host: .* is not this machine"):
        dry_run(request(tmp_path, THERE, {"host": True}))


def test_a_crowd_that_is_too_large(tmp_path: Path) -> None:
    crowd = {"name": "meters", "clients": 900_000, "interval": "1s"}
    with pytest.raises(OperatorError):
        dry_run(request(tmp_path, group=[crowd]))


def test_a_rate_that_no_worker_can_make_is_refused_with_the_most(tmp_path: Path) -> None:
    fast = {"name": "meters", "clients": 100, "interval": "10us"}
    with pytest.raises(HostLimitError, match=r"10,000,000 msg/s; 1 worker of this host .* at most 1,000,000 msg/s"):
        dry_run(request(tmp_path, group=[fast]))
    endless = {"name": "meters", "clients": 100, "interval": 0}
    assert callable(dry_run(request(tmp_path, group=[endless])))
