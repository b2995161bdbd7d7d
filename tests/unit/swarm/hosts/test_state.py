"""The files in which swarms are kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from malaria.errors import SwarmError
from malaria.swarm.hosts.inventory import Swarm, table_of
from malaria.swarm.hosts.state import (
    changing,
    forget_swarm,
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
    forget_swarm("night")
    assert list_swarms() == []


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
