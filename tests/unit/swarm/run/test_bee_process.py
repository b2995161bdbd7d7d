"""The process of a bee: who was there before it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from malaria.swarm.run import bee_process as host
from malaria.swarm.run.bee_process import own_address


def test_a_bee_that_is_gone_is_in_nobodys_way(tmp_path: Path) -> None:
    pid_file = tmp_path / "bee.pid"
    assert host._living(pid_file) is None
    pid_file.write_text("not a number")
    assert host._living(pid_file) is None
    pid_file.write_text(str(2**22 + 1))  # beyond the largest that there can be
    assert host._living(pid_file) is None


def test_a_process_that_has_its_number_by_chance_is_no_bee(tmp_path: Path) -> None:
    (tmp_path / "bee.pid").write_text("1")
    assert host._living(tmp_path / "bee.pid") is None


def test_a_bee_at_work_is_waited_for_and_then_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "OTHER_S", 0.0)
    monkeypatch.setattr(host, "_living", lambda _: os.getpid())
    assert host._wait_for_other(tmp_path / "bee.pid") == os.getpid()


def test_our_address_is_the_one_that_the_scheduler_sees() -> None:
    assert own_address("tls://127.0.0.1:8786") == "127.0.0.1"
