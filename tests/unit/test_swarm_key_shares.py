"""Each bee's part of the keys, and what is said when a bee has not what its clients need."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.credentials import read_keys, read_logins
from malaria.errors import OperatorError, SwarmError
from malaria.model.key_part import Claim, KeyPart
from malaria.model.swarm import BeeHost
from malaria.model.warhead import warhead_from_toml
from malaria.swarm.key_shares import check_part, claims_on, read_key_file, starts_for

BEE = BeeHost(name="bee-2", host="b")
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


def test_the_lines_that_groups_take_count_those_of_surges() -> None:
    warhead = warhead_from_toml(TWO_GROUPS.format(first=3), "w.toml")
    assert claims_on(warhead, "m.psk") == (Claim("meters", 0, 3), Claim("more", 3, 4))
    assert starts_for(warhead, "m.psk") == (0, 3)
    assert claims_on(warhead, "other.psk") == ()


WANTED = KeyPart(1, 2, 7, (0,), "0" * 16)
CLAIMS = (Claim("meters", 0, 3), Claim("more", 3, 4))


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("", "has no part of m.psk as it is now"),
        (KeyPart(1, 2, 7, (0,), "f" * 16).heading, "has no part of m.psk as it is now"),
        (KeyPart(0, 2, 7, (0,), "0" * 16).heading, "has part 1 of 2 of m.psk, and would need part 2 of 2"),
        (KeyPart(1, 3, 7, (0,), "0" * 16).heading, "has part 2 of 3 of m.psk, and would need part 2 of 2"),
        (WANTED.heading, "group more begins at first_key = 3, so its clients need keys of other bees"),
    ],
)
def test_a_bee_without_what_its_clients_need_is_named_with_the_remedy(heading: str, said: str) -> None:
    with pytest.raises(SwarmError, match=said) as refusal:
        check_part(BEE, WANTED, heading, CLAIMS, "m.psk")
    assert "malaria swarm share-keys m.psk" in refusal.value.remedy


def test_a_bee_with_the_right_part_is_let_through() -> None:
    check_part(BEE, WANTED, KeyPart(1, 2, 7, (0, 3), "0" * 16).heading, CLAIMS, "m.psk")
    check_part(BEE, WANTED, WANTED.heading, CLAIMS[:1], "m.psk")
