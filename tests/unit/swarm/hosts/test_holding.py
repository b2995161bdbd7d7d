"""Who has a bee: said to others, and not to oneself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from malaria.swarm.hosts import holding
from malaria.swarm.hosts.holding import BeeHeldError, Holder, check_free, holder_from, holder_now
from malaria.swarm.hosts.inventory import BeeHost

KARL = Holder("karl@desk", "2026-11-29 12:03 UTC", "malaria attack mqtt://broker", "17")


@pytest.fixture
def working(tmp_path: Path) -> Iterator[BeeHost]:
    """A bee's directory with a process at work."""
    program = "import time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program, "malaria"])
    (tmp_path / "bee.pid").write_text(f"{process.pid}\n")
    (tmp_path / "bee.holder").write_text(KARL.to_text())
    yield BeeHost(name="bee-1", host="10.0.0.3", directory=str(tmp_path))
    process.kill()
    process.wait()


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run scripts on this host."""

    async def run(_: Any, script: str) -> str:
        return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=20).stdout

    monkeypatch.setattr(holding, "run", run)


def check(host: BeeHost) -> None:
    asyncio.run(check_free(host, None))  # type: ignore[arg-type]


def test_others_are_told_who_has_it_since_when_and_with_what(working: BeeHost) -> None:
    with pytest.raises(BeeHeldError) as held:
        check(working)
    assert held.value.message == "in use by karl@desk since 2026-11-29 12:03 UTC: malaria attack mqtt://broker"
    assert "--force" in held.value.remedy


def test_ones_own_load_is_in_nobodys_way(working: BeeHost) -> None:
    (Path(working.directory) / "bee.holder").write_text(holder_now("malaria attack mine").to_text())
    check(working)


def test_what_a_killed_bee_has_left_counts_for_nothing(working: BeeHost) -> None:
    (Path(working.directory) / "bee.pid").write_text("1\n")
    check(working)
    (Path(working.directory) / "bee.pid").unlink()
    check(working)


def test_a_bee_without_a_directory_is_free(tmp_path: Path) -> None:
    check(BeeHost(name="bee-1", host="10.0.0.3", directory=str(tmp_path / "nothing")))


def test_a_note_is_read_as_it_was_written_and_nothing_else_is() -> None:
    assert holder_from(KARL.to_text()) == KARL
    assert holder_from("karl\n") is None
    assert holder_from(Holder("a\nb", "\x1b[2J", "c", "d").to_text()) == Holder("a b", "\ufffd[2J", "c", "d")
