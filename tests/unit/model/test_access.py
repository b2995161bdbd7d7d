"""`[target]` and `[group.target]`: what is refused, what takes the place of what, what is never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.errors import WarheadError
from malaria.model.access import Access
from malaria.model.faults import key_path
from malaria.model.warhead import Warhead, load_warhead, to_toml, validated, warhead_from_toml

HEAD = '[attack]\nduration = "1s"\n'
GROUP = '[[group]]\nname = "g"\nclients = 2\n'


def warhead(target: str = "", of_group: str = "") -> Warhead:
    group_target = f"[group.target]\n{of_group}\n" if of_group else ""
    return warhead_from_toml(f"{HEAD}[target]\n{target}\n{GROUP}{group_target}", "w.toml")


def access(target: str = "", of_group: str = "") -> Access:
    made = warhead(target, of_group)
    return made.access_of(made.groups[0])


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ('psk_file = "k"\ncert = "c"', "target.cert: cannot be used with a pre-shared key"),
        ('psk_file = "k"\npsk_identity = "i"\npsk = "00"', "target.psk_identity: cannot be used with psk_file"),
        ('psk_identity = "i"', "target.psk: is missing"),
        ('psk = "00"', "target.psk_identity: is missing"),
        ('psk_identity = "i"\npsk = "xyz"', "target.psk: is not a key"),
        ('psk_identity = "i"\npsk = "0"', "target.psk: is not a key"),
        ('psk_identity = "i"\npsk = ""', "target.psk: is not a key"),
        (f'psk_identity = "i"\npsk = "{"00" * 65}"', "target.psk: is not a key"),
        ('key = "k"', "target.cert: is missing"),
        ('password = "p"', "target.password: needs a user name"),
        ('username = "u"\ncredentials_file = "f"', "target.username: cannot be used with credentials_file"),
        ('tls_version = "1.1"', "target.tls_version"),
        ('headers = { "X Y" = "1" }', "is not a header"),
        ('headers = { X = "a\\nb" }', "is not a header"),
        ('headers = { X = " b" }', "is not a header"),
        ('headers = { Upgrade = "h2c" }', "is a header that the upgrade itself sets"),
        ('headers = { sec-websocket-KEY = "x" }', "is a header that the upgrade itself sets"),
        ('headers = { Content-Length = "5" }', "is a header that the upgrade itself sets"),
        ('headers = { Host = "a b" }', "is not the name of a host"),
        ('headers = { Host = "a..b" }', "is not the name of a host"),
        ('url = "http://x"', "target.url: 'http://' is not a known scheme"),
        ('url = "mqtt://u:p@x"', "target.url: holds a user name"),
        ('psk_identity = "{seq}"\npsk = "00"', "target.psk_identity: {seq} is not a placeholder"),
        ("insecure = 1", "target.insecure"),
        ('cafil = "x"', "did you mean cafile"),
        ("first_key = -1", "target.first_key"),
    ],
)
def test_what_cannot_be_meant_is_refused(target: str, words: str) -> None:
    with pytest.raises(WarheadError) as refused:
        warhead(target)
    assert words in str(refused.value)


def test_a_fault_of_a_group_names_its_place() -> None:
    with pytest.raises(WarheadError, match=r"group\[0\]\.target\.psk: is missing"):
        warhead(of_group='psk_identity = "i"')


@pytest.mark.parametrize(
    ("target", "of_group", "expected"),
    [
        ('cafile = "a"', "", {"cafile": "a"}),
        ('cafile = "a"', 'server_name = "s"', {"cafile": "a", "server_name": "s"}),
        ('cafile = "a"', 'cafile = "b"', {"cafile": "b"}),
        ('psk_file = "k"\nciphers = "c"', 'cert = "c"', {"cert": "c", "ciphers": "c", "psk_file": None}),
        ('cert = "c"\nkey = "k"', 'psk_file = "p"', {"cert": None, "key": None, "psk_file": "p"}),
        ('psk_file = "a"\nfirst_key = 5', 'psk_file = "b"', {"psk_file": "b", "first_key": 0}),
        ('psk_file = "a"', "first_key = 5", {"psk_file": "a", "first_key": 5}),
        ('credentials_file = "a"\nfirst_key = 5', 'credentials_file = "b"', {"first_key": 0}),
        ("insecure = true", "insecure = false", {"insecure": False}),
    ],
)
def test_a_group_s_key_stands_in_place_of_the_target_s(target: str, of_group: str, expected: dict[str, Any]) -> None:
    merged = access(target, of_group)
    assert {name: getattr(merged, name) for name in expected} == expected


def test_what_is_stated_about_tls_is_known() -> None:
    assert access('url = "mqtt://x"\nusername = "u"').tls_keys == []
    assert access('cafile = "a"', "insecure = true").tls_keys == ["cafile", "insecure"]


def test_secrets_are_neither_shown_nor_written() -> None:
    made = warhead('psk_identity = "i"\npsk = "c0ffee"', 'username = "u"\npassword = "hidden"')
    written = to_toml(made)
    for text in (repr(made), written):
        assert "c0ffee" not in text
        assert "hidden" not in text
    assert written.startswith("# Passwords, keys and headers are not written")
    with pytest.raises(WarheadError) as refused:
        warhead('psk_identity = "i"\npsk = "c0ffeeX"')
    assert "c0ffee" not in str(refused.value)


def test_the_rest_reads_back() -> None:
    made = warhead('url = "wss://x/mqtt"\ntls_version = 1.3', 'cafile = "c"\nresume = false')
    assert warhead_from_toml(to_toml(made)) == made


def test_a_token_in_a_header_is_a_secret() -> None:
    made = warhead('url = "wss://x/mqtt"\nheaders = { Authorization = "hidden" }')
    assert made.target.headers == (("Authorization", "hidden"),)
    assert "hidden" not in repr(made) + to_toml(made)


def test_files_are_seen_from_the_warhead(tmp_path: Path) -> None:
    file = tmp_path / "w.toml"
    file.write_text(f'{HEAD}[target]\npsk_file = "keys/a.psk"\n{GROUP}[group.target]\ncert = "/abs/{{index}}.pem"\n')
    made = load_warhead(file)
    assert made.target.psk_file == str(tmp_path / "keys/a.psk")
    assert made.groups[0].target.cert == "/abs/{index}.pem"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server_name", "a..b"),
        ("server_name", "x" * 300),
        ("server_name", "a b"),
        ("server_name", "\udcff"),
        ("server_name", ""),
        ("ciphers", "\udcff"),
        ("psk_identity", "\udcff"),
        ("username", "\udcff"),
        ("username", "x" * 65536),
    ],
)
def test_a_text_that_no_client_could_send_is_refused(key: str, value: str) -> None:
    psk = {"psk": "00"} if key == "psk_identity" else {}
    table = {"group": [{"name": "g", "clients": 1}], "attack": {"duration": "1s"}, "target": {key: value} | psk}
    with pytest.raises(WarheadError, match=f"target.{key}: "):
        validated(table, key_path)


@pytest.mark.parametrize("name", ["broker", "broker.example.com.", "10.0.0.1", "::1", "münchen.example"])
def test_names_that_tls_can_ask_for(name: str) -> None:
    assert Access(server_name=name).server_name == name
