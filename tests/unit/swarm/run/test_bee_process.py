"""The process of a bee: another one in its directory, and why it could not start."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from malaria.swarm.hosts.holding import Holder, holder_now
from malaria.swarm.run import bee_process as host
from malaria.swarm.run.certificates import issue
from malaria.swarm.run.version_check import VersionStamp, own_stamp


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
    monkeypatch.setattr(host, "OWN_S", 0.0)
    monkeypatch.setattr(host, "OTHERS_S", 0.0)
    monkeypatch.setattr(host, "_living", lambda _: os.getpid())
    mine = holder_now("malaria attack mine")
    assert host._wait_for_other(tmp_path, mine)
    assert host._busy(tmp_path, mine) == "in use by another attack"  # of a bee of an older malaria
    (tmp_path / "bee.holder").write_text(Holder("karl@desk", "2026-11-29 12:03 UTC", "malaria attack x", "1").to_text())
    assert host._busy(tmp_path, mine) == "in use by karl@desk since 2026-11-29 12:03 UTC: malaria attack x"
    (tmp_path / "bee.holder").write_text(mine.to_text())
    assert host._busy(tmp_path, mine).startswith("another bee of this swarm is the same host and directory")


def start(directory: Path, port: int = 1, version: VersionStamp | None = None) -> tuple[int, str]:
    """Start a bee; return its exit code and the last line that it printed."""
    settings = {
        "name": "bee-1",
        "host": "127.0.0.1",
        "port": port,
        "certificates": asdict(issue(["bee-1"])["bee-1"]),
        "version": (version or own_stamp()).to_table(),
        "holder": asdict(holder_now("malaria attack x")),
    }
    command = [sys.executable, "-m", "malaria.swarm.run.bee_process", str(directory)]
    done = subprocess.run(command, input=json.dumps(settings), capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


def test_a_bee_of_another_version_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    code, cause = start(tmp_path / "bee", version=replace(own_stamp(), messages="0123"))
    assert code == 1
    assert cause.startswith("the bee has malaria ")
    assert "(messages 0123)" in cause
    assert not (tmp_path / "bee").exists()


def test_a_bee_that_cannot_reach_its_conductor_says_so_at_once(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = closed.getsockname()[1]
        cause = f"cannot reach the conductor at 127.0.0.1 port {port}: Connection refused"
        assert start(tmp_path / "bee", port) == (1, cause)
    assert not (tmp_path / "bee" / "bee.pid").exists()
    assert "Connection refused" in (tmp_path / "bee" / "bee.log").read_text()


def test_a_bee_that_cannot_write_says_so_at_once(tmp_path: Path) -> None:
    (tmp_path / "bee.log").mkdir()
    assert start(tmp_path) == (1, f"{tmp_path}/bee.log: Is a directory")
