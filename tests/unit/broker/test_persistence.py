"""What may be removed as a broker's persistence file, and what is refused and left as it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from malaria.broker.broker_host import BrokerHost
from malaria.broker.persistence import MOSQUITTO_DB, SQLITE, remove_persistence
from malaria.errors import OperatorError

HERE = BrokerHost()


def plain(path: Path) -> None:
    path.write_bytes(MOSQUITTO_DB + bytes(200))


def link(path: Path) -> None:
    (path.parent / "elsewhere.db").write_bytes(MOSQUITTO_DB)
    path.symlink_to(path.parent / "elsewhere.db")


def directory(path: Path) -> None:
    path.mkdir()
    plain(path / "mosquitto.db")


def foreign(path: Path) -> None:
    path.write_text("my thesis")


@pytest.mark.parametrize("beginning", [MOSQUITTO_DB, SQLITE + bytes(50), b""])
def test_a_persistence_file_goes_and_nothing_else(tmp_path: Path, beginning: bytes) -> None:
    path, neighbour = tmp_path / "it's; rm $HOME.db", tmp_path / "other.db"
    plain(neighbour)
    path.write_bytes(beginning)
    assert remove_persistence(HERE, str(path)) is True
    assert sorted(tmp_path.iterdir()) == [neighbour]
    assert remove_persistence(HERE, str(path)) is False


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (link, "symbolic link"),
        (directory, "is a directory"),
        (foreign, "does not look like"),
        (os.mkfifo, "not a plain file"),
    ],
)
def test_what_is_left_as_it_is(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "mosquitto.db"
    make(path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OperatorError, match=message) as caught:
        remove_persistence(HERE, str(path))
    assert "clean_command" in caught.value.remedy
    assert sorted(tmp_path.rglob("*")) == before


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="does not exist or cannot be entered"):
        remove_persistence(HERE, str(tmp_path / "nowhere" / "mosquitto.db"))


@pytest.mark.parametrize("path", ["mosquitto.db", "../x.db", ""])
def test_only_absolute_paths(path: str) -> None:
    with pytest.raises(OperatorError, match="not an absolute path"):
        remove_persistence(HERE, path)
