"""The files in which swarms are kept."""

from __future__ import annotations

import stat
import threading
import time
from pathlib import Path

import pytest

from malaria.errors import SwarmError
from malaria.swarm.hosts.inventory import Swarm, table_of
from malaria.swarm.hosts.state import (
    changing,
    list_swarms,
    load_swarm,
    save_swarm,
    state_directory,
    state_file,
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path / "home"))


def test_where_they_are() -> None:
    assert state_directory({"MALARIA_HOME": "/m", "XDG_STATE_HOME": "/x"}) == Path("/m/swarms")
    assert state_directory({"XDG_STATE_HOME": "/x"}) == Path("/x/malaria/swarms")
    assert state_directory({}) == Path.home() / ".local/state/malaria/swarms"


def test_a_swarm_is_kept_for_us_alone() -> None:
    swarm = Swarm(name="night").with_more([table_of("karl@a")])
    file = save_swarm(swarm)
    assert load_swarm("night") == swarm
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list_swarms() == ["night"]
    with changing("night") as draft:
        draft.removed = True
    assert list_swarms() == []
    assert list(state_directory().iterdir()) == []


def test_one_that_is_not_there_is_named_with_those_that_are() -> None:
    save_swarm(Swarm(name="day"))
    with pytest.raises(SwarmError, match="there is no swarm 'night'; known: day"):
        load_swarm("night")


def test_a_name_leads_to_no_other_place() -> None:
    with pytest.raises(SwarmError, match="name"):
        state_file("../../etc/passwd")


def test_a_damaged_file_is_named() -> None:
    save_swarm(Swarm(name="day"))
    state_file("day").write_text('name = "day"\n[[bee]]\nname = "x"\n')
    with pytest.raises(SwarmError, match=r"day\.toml: bee\[0\]\.host: is missing"):
        load_swarm("day")


def add_and_fail(host: str, *, keep: bool) -> None:
    with changing("night") as draft:
        draft.swarm = draft.swarm.with_more([table_of(host)])
        if keep:
            draft.store()
        raise RuntimeError


def test_a_change_is_kept_at_its_end_and_not_when_it_fails() -> None:
    with changing("night") as draft:
        draft.swarm = draft.swarm.with_more([table_of("a")])
    with pytest.raises(RuntimeError):
        add_and_fail("b", keep=False)
    assert [bee.host for bee in load_swarm("night").hosts] == ["a"]
    with pytest.raises(RuntimeError):
        add_and_fail("b", keep=True)
    assert [bee.host for bee in load_swarm("night").hosts] == ["a", "b"]


def test_a_change_of_a_new_swarm_that_fails_leaves_nothing() -> None:
    with pytest.raises(RuntimeError):
        add_and_fail("a", keep=False)
    assert list(state_directory().iterdir()) == []


def test_what_a_killed_command_left_is_removed_by_the_next() -> None:
    file = save_swarm(Swarm(name="night"))
    file.with_name("night.toml.new-4711").touch()
    with changing("night"):
        pass
    assert sorted(path.name for path in state_directory().iterdir()) == ["night.lock", "night.toml"]


def test_who_waits_for_a_swarm_that_is_removed_meanwhile_makes_it_anew() -> None:
    """And holds the lock that the next one waits for."""
    order: list[str] = []

    def add(name: str) -> None:
        with changing("night") as draft:
            order.append(name)
            draft.swarm = draft.swarm.with_more([table_of(name)])

    save_swarm(Swarm(name="night"))
    threads = [threading.Thread(target=add, args=(name,)) for name in ("a", "b")]
    with changing("night") as draft:
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        assert order == []
        draft.removed = True
    for thread in threads:
        thread.join(10)
    assert sorted(bee.host for bee in load_swarm("night").hosts) == ["a", "b"]
