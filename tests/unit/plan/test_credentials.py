"""Client i takes line i; too few lines and wrong lines are refused; no secret is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.errors import OperatorError
from malaria.model.access import Access
from malaria.model.group import Group
from malaria.model.key_part import parts_of
from malaria.plan.credentials import Credentials, load_credentials, read_keys, read_logins

RUN = "run"


def load(clients: int = 2, group: dict[str, Any] | None = None, **access: Any) -> Credentials:
    made = Group.model_validate({"name": "g", "clients": clients} | (group or {}))
    return load_credentials(Access(**access), made, clients, RUN)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "k.psk"
    path.write_text("# keys\n\na:00ff\nb:c:1122\nd:33\n")
    return path


def test_client_i_takes_line_i(keys: Path) -> None:
    credentials = load(3, psk_file=str(keys))
    assert [credentials.psk_at(i) for i in range(3)] == [("a", b"\0\xff"), ("b:c", b"\x11\x22"), ("d", b"\x33")]
    assert load(2, psk_file=str(keys), first_key=1).psk_at(1) == ("d", b"\x33")


def test_too_few_lines_say_both_numbers(keys: Path) -> None:
    with pytest.raises(OperatorError, match="has 3 keys, and group g needs 1,000"):
        load(1000, psk_file=str(keys))
    with pytest.raises(OperatorError, match="has 3 keys, and group g needs 4"):
        load(2, psk_file=str(keys), first_key=2)


def test_one_key_for_all_has_a_template_of_identities() -> None:
    credentials = load(psk_identity="meter-{index:03d}", psk="aabb")
    assert credentials.psk_at(7) == ("meter-007", b"\xaa\xbb")


def test_without_keys_there_is_none() -> None:
    credentials = load()
    assert credentials.psk_at(0) is None
    assert credentials.certificate_at(0) is None
    assert credentials.login_at(0) == (None, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\n", "line 1 is not identity:hexkey"),
        (":00\n", "line 1 is not identity:hexkey"),
        ("a:00\nb:5ecret\n", "line 2: the key of 'b' cannot be one"),
        ("a:\n", "line 1: the key of 'a' cannot be one"),
        (f"a:{'00' * 65}\n", "line 1: the key of 'a' cannot be one"),
        ("a:00\na:11\n", "line 2: 'a' comes a second time"),
        (f"{'x' * 300}:00\n", "line 1 is not identity:hexkey"),
    ],
)
def test_a_wrong_line_is_named_and_its_key_is_not(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.psk"
    path.write_text(text)
    with pytest.raises(OperatorError) as refused:
        load(1, psk_file=str(path))
    assert words in str(refused.value)
    assert "5ecret" not in str(refused.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for path, words in ((tmp_path / "none", "No such file"), (tmp_path / "bytes", "not text"), (tmp_path, "directory")):
        with pytest.raises(OperatorError, match=words):
            load(1, psk_file=str(path))


@pytest.mark.parametrize(
    "text",
    [
        'user,password\nu0,p0\nu1,"p,1"\n',
        'u0,p0\nu1,"p,1"\n',
        "# logins\nu0:p0\nu1:p,1\n",
        'Username,Password\nu0,p0\nu1,"p,1"\n',
    ],
)
def test_logins_come_from_a_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "users"
    path.write_text(text)
    credentials = load(2, credentials_file=str(path))
    assert [credentials.login_at(i) for i in range(2)] == [("u0", "p0"), ("u1", "p,1")]


def test_a_login_that_is_no_pair(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("u0,p0\nu1,p1,x\n")
    with pytest.raises(OperatorError, match="user 2 is not a pair"):
        load(2, credentials_file=str(path))


def test_the_group_s_own_login_wins() -> None:
    credentials = load(group={"username": "g-{index}", "password": "p"}, username="t-{index}")
    assert credentials.login_at(1) == ("g-1", "p")
    assert load(username="t-{index}", password="{group}").login_at(1) == ("t-1", "g")


def test_names_can_be_made_of_identities(keys: Path) -> None:
    credentials = load(2, {"username": "{identity}"}, psk_file=str(keys))
    assert credentials.login_at(1)[0] == "b:c"
    assert credentials.identity_at(0) == "a"


def test_certificates_one_for_each(tmp_path: Path) -> None:
    for name in ("b.crt", "b.key", "a.pem", "notes.txt"):
        (tmp_path / name).write_text("")
    credentials = load(2, cert=str(tmp_path))
    assert credentials.certificate_at(0) == (str(tmp_path / "a.pem"), None)
    assert credentials.certificate_at(1) == (str(tmp_path / "b.crt"), str(tmp_path / "b.key"))
    with pytest.raises(OperatorError, match="has 2 certificates, and group g needs 3"):
        load(3, cert=str(tmp_path))
    assert load(cert="c-{index}.pem", key="k-{index}.pem").certificate_at(4) == ("c-4.pem", "k-4.pem")


def test_no_secret_is_shown(keys: Path) -> None:
    assert "00ff" not in repr(load(psk_file=str(keys)))
    assert "\\xff" not in repr(load(psk_file=str(keys)))


def test_a_bees_part_is_read_by_the_places_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "part"
    part = parts_of(5, 2, [], "0" * 16)[1]
    path.write_text(f"{part.heading}\nb:01\nd:03\n")
    credentials = load(5, psk_file=str(path))
    assert [credentials.psk_at(i) for i in (1, 3)] == [("b", b"\1"), ("d", b"\3")]
    with pytest.raises(OperatorError, match=r"is part 2 of 2, and line 3 of the whole file is in part 1"):
        credentials.psk_at(2)
    with pytest.raises(OperatorError, match="has 5 keys, and group g needs 6"):
        load(6, psk_file=str(path))


def test_a_part_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_text(f"{parts_of(5, 2, [], '0' * 16)[1].heading}\nb:01\n")
    with pytest.raises(OperatorError, match="has 1 lines, and its first line says 2"):
        load(5, psk_file=str(path))


def test_files_of_windows_editors(tmp_path: Path) -> None:
    (tmp_path / "psk").write_bytes(b"\xef\xbb\xbfa:00\r\nb:11\r\n")
    (tmp_path / "users").write_bytes(b"\xef\xbb\xbfuser,password\r\na,b\r\n")
    assert list(read_keys(tmp_path / "psk")) == [("a", b"\x00"), ("b", b"\x11")]
    assert list(read_logins(tmp_path / "users")) == [("a", "b")]


def logins_of(path: Path, text: str) -> list[Any]:
    path.write_text(text)
    return list(read_logins(path))


def test_the_header_makes_a_file_csv(tmp_path: Path) -> None:
    path = tmp_path / "users"
    assert logins_of(path, "user,password\na:b,c\n") == [("a:b", "c")]
    assert logins_of(path, "Username,Password\na,b:c\n") == [("a", "b:c")]
    assert logins_of(path, 'user,password\na,"b,c"\n') == [("a", "b,c")]


def test_without_a_header_the_first_line_decides_where_it_can(tmp_path: Path) -> None:
    path = tmp_path / "users"
    assert logins_of(path, "a,b:c\n") == [("a", "b:c")]
    assert logins_of(path, "a:b\nc:d,e\n") == [("a", "b"), ("c", "d,e")]
    with pytest.raises(OperatorError, match="could be user:password or user,password"):
        logins_of(path, "a:b,c\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\0c\n", "the password of user 1 holds U\\+0000"),
        (f"a:{'x' * 65536}\n", "the password of user 1 is longer than 65,535 bytes"),
        (f"a,{'x' * 140_000}\n", "is not a CSV file of users: field larger than field limit"),
        ("user,password\n,b\n", "user 1 is not a pair"),
    ],
)
def test_users_that_no_client_could_be(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(OperatorError, match=words):
        logins_of(tmp_path / "users", text)
