"""What a warhead needs on a bee: found, refused, and found again under the bee's own paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.errors import OperatorError
from malaria.model.warhead import to_toml, warhead_from_toml
from malaria.swarm.belongings import at_home, files_of, gather

WARHEAD = """
[target]
psk_file = "{0}/m.psk"
cafile = "{0}/ca.pem"
[[group]]
name = "meters"
clients = 3
payload = "file:{0}/payloads.txt"
[[group]]
name = "door"
role = "connect"
clients = 1
target = {{ cert = "{0}/door.pem", key = "{0}/door.key" }}
[attack]
duration = "1s"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "m.psk").write_text("a:01\nb:02\nc:03\n")
    for name in ("ca.pem", "door.pem", "door.key", "payloads.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_all_files_are_found_and_have_names_of_their_own(place: Path) -> None:
    warhead = warhead_from_toml(WARHEAD.format(place), "w.toml")
    assert files_of(warhead) == (
        [f"{place}/m.psk"],
        [f"{place}/{name}" for name in ("ca.pem", "door.key", "door.pem", "payloads.txt")],
    )
    belongings = gather(warhead)
    assert [len(file.lines) for file in belongings.keys.values()] == [3]
    names = {name.partition("-")[2]: content for name, content in belongings.copies.values()}
    assert names == {name: name.encode() for name in ("ca.pem", "door.pem", "door.key", "payloads.txt")}


def test_a_bees_warhead_differs_by_its_paths_alone(place: Path) -> None:
    warhead = warhead_from_toml(WARHEAD.format(place), "w.toml")
    shared, copied = files_of(warhead)
    moved = at_home(warhead, {path: path.replace(str(place), "/bee") for path in shared + copied})
    assert to_toml(moved) == to_toml(warhead).replace(str(place), "/bee")
    assert moved.access_of(moved.groups[1]).psk_file is None
    assert to_toml(at_home(moved, {})) == to_toml(moved)


def test_what_cannot_be_brought_to_a_bee_is_refused(place: Path) -> None:
    text = WARHEAD.format(place)
    for wrong in (
        text.replace("door.pem", "door-{index}.pem"),
        text.replace(f"{place}/door.pem", str(place)),
        text.replace("ca.pem", "gone.pem"),
    ):
        with pytest.raises(OperatorError) as refusal:
            gather(warhead_from_toml(wrong, "w.toml"))
        assert refusal.value.remedy
