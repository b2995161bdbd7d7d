"""Each bee's part of the keys, and what is said when a bee has not what its clients need."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.errors import OperatorError
from malaria.model.key_part import Claim, KeyPart
from malaria.model.warhead import warhead_from_toml
from malaria.plan.credentials import read_keys, read_logins
from malaria.schedule.share import Share
from malaria.swarm.hosts.key_shares import read_key_file, serves, starts_of

LINES = [f"meter-{n}:{n:04x}" for n in range(7)]
TWO_GROUPS = """
[target]
psk_file = "m.psk"
[[group]]
name = "meters"
clients = 3
[[group]]
name = "more"
clients = 2
target = {{ first_key = {first} }}
[[surge]]
group = "more"
clients = 2
at = "1s"
[attack]
duration = "10s"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.psk"
    path.write_text("# meters\n" + "".join(f"{line}\n" for line in LINES))
    return path


def test_the_parts_are_files_of_keys_by_the_places_of_the_whole(file: Path, tmp_path: Path) -> None:
    whole, keys = read_key_file(file), read_keys(file)
    seen: list[str] = []
    for part in whole.parts(3):
        place = tmp_path / f"part-{part.number}"
        place.write_text(whole.text_of(part))
        lines = read_keys(place)
        assert len(lines) == len(keys)
        assert [lines[line] for line in part.members()] == [keys[line] for line in part.members()]
        seen += place.read_text().splitlines()[1:]
    assert sorted(seen) == sorted(LINES)


def test_the_tag_is_of_the_lines_that_count(file: Path) -> None:
    tag = read_key_file(file).tag
    file.write_text("\n# other remarks\n" + "\n".join(LINES))
    assert read_key_file(file).tag == tag
    file.write_text("\n".join(LINES[:-1]))
    assert read_key_file(file).tag != tag


def test_users_are_shared_without_their_heading(tmp_path: Path) -> None:
    path, place = tmp_path / "users.csv", tmp_path / "part"
    path.write_text("user,password\na,1\nb,2\nc,3\n")
    whole = read_key_file(path)
    second = whole.parts(2)[1]
    place.write_text(whole.text_of(second))
    assert second.members() == [1]
    assert read_logins(place)[1] == ("b", "2")


def test_no_key_is_told(file: Path) -> None:
    assert "0006" not in repr(read_key_file(file))


def test_what_cannot_be_shared_is_refused(file: Path, tmp_path: Path) -> None:
    whole = read_key_file(file)
    part = tmp_path / "part"
    part.write_text(whole.text_of(whole.parts(2)[0]))
    for path, text in ((part, None), (tmp_path / "empty", ""), (tmp_path / "wrong", "no key\n")):
        if text is not None:
            path.write_text(text)
        with pytest.raises(OperatorError):
            read_key_file(path)


def test_turns_begin_where_groups_begin() -> None:
    warhead = warhead_from_toml(TWO_GROUPS.format(first=3), "w.toml")
    assert starts_of(warhead, Path("m.psk")) == (0, 3)
    assert starts_of(warhead, Path("other.psk")) == (0,)


TAG = "0" * 16
SECOND_OF_TWO = Share(1, 2, 2)
MORE = Claim("more", 3, 4)


@pytest.mark.parametrize(
    ("part", "claim", "well"),
    [
        (KeyPart(1, 2, 7, (0, 3), TAG), MORE, True),
        (KeyPart(1, 2, 7, (0,), TAG), Claim("meters", 0, 3), True),
        (KeyPart(1, 2, 7, (0,), TAG), MORE, False),  # begins in the middle of a turn
        (KeyPart(1, 2, 6, (0, 3), TAG), MORE, False),  # has grown since
        (KeyPart(1, 2, 7, (0, 3), "f" * 16), MORE, False),  # another file
        (KeyPart(0, 2, 7, (0, 3), TAG), MORE, False),  # another bee's
        (KeyPart(1, 3, 7, (0, 3), TAG), MORE, False),  # of a swarm of another size
    ],
)
def test_a_part_serves_only_whose_lines_it_has(part: KeyPart, claim: Claim, well: bool) -> None:
    assert serves(part, TAG, SECOND_OF_TWO, claim) is well
