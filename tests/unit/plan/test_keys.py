"""Keys and passwords, and parts of their files that lose and double nothing."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malaria.plan.keys import Format, hashed, make_lines, part_of, split
from malaria.schedule.share import WHOLE


def test_keys_are_lines_as_mosquitto_reads_them() -> None:
    lines = list(make_lines(Format.PSK, 3, "m-{index:02d}", 16))
    identities, keys = zip(*(line.split(":") for line in lines), strict=True)
    assert identities == ("m-00", "m-01", "m-02")
    assert [len(bytes.fromhex(key)) for key in keys] == [16] * 3
    assert len(set(keys)) == 3


@pytest.mark.parametrize(("kind", "mark"), [(Format.CSV, ","), (Format.LOGIN, ":"), (Format.MOSQUITTO, ":$7$101$")])
def test_users_with_passwords(kind: Format, mark: str) -> None:
    (line,) = make_lines(kind, 1, "u", 32)
    user, found, password = line.partition(mark)
    assert (user, found) == ("u", mark)
    assert len(password) >= 24


def test_a_hash_is_the_one_of_its_password() -> None:
    _, kind, rounds, salt, digest = hashed("secret").split("$")
    assert kind == "7"
    again = hashlib.pbkdf2_hmac("sha512", b"secret", base64.b64decode(salt), int(rounds))
    assert base64.b64decode(digest) == again


@given(st.integers(1, 200), st.integers(1, 30))
def test_parts_hold_every_line_once(count: int, parts: int) -> None:
    lines = list(range(count))
    made = split(lines, parts)
    assert len(made) == parts
    assert sorted(line for part in made for line in part) == lines


@given(st.integers(1, 100), st.integers(1, 10), st.integers(0, 50))
def test_a_part_is_that_of_the_clients_of_its_share(clients: int, parts: int, spare: int) -> None:
    for share in WHOLE.split(parts):
        own = share.members(clients).tolist()
        assert part_of(list(range(clients + spare)), share)[: len(own)] == own
