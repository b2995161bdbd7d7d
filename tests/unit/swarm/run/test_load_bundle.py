"""The files of clients, packed for one bee after the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from malaria.errors import OperatorError
from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity
from malaria.plan.credentials import load_credentials
from malaria.schedule.payload import load_source
from malaria.schedule.share import WHOLE
from malaria.swarm.hosts.key_shares import read_key_file
from malaria.swarm.run.load_bundle import LoadBundle

IDENTITY = Identity("run", 1, 1)


def warhead(clients: int = 5, target: dict[str, Any] | None = None, **group: Any) -> Warhead:
    meters = {"name": "meters", "clients": clients, "topic": "t"} | group
    return Warhead.model_validate({"group": [meters], "target": target or {}, "attack": {"duration": "1s"}})


def unpack(directory: Path, files: dict[str, bytes]) -> None:
    (directory / "files").mkdir(parents=True)
    for name, data in files.items():
        (directory / "files" / name).parent.mkdir(exist_ok=True)
        (directory / "files" / name).write_bytes(data)


def test_every_client_finds_its_key_on_its_own_bee_and_no_bee_has_anothers(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("".join(f"id-{n}:{n:02x}\n" for n in range(10)))
    load = warhead(5, {"psk_file": str(path), "first_key": 3})
    bundle = LoadBundle(load, IDENTITY)
    seen: set[str] = set()
    for number, share in enumerate(WHOLE.split(2)):
        directory = tmp_path / f"bee-{number}"
        packed, files = bundle.pack(share, str(directory))
        unpack(directory, files)
        group = packed.groups[0]
        credentials = load_credentials(packed.access_of(group), group, 5, "run")
        mine = share.members(5).tolist()
        assert [credentials.psk_at(index) for index in mine] == [(f"id-{3 + n}", bytes([3 + n])) for n in mine]
        held = {line.partition(":")[0] for data in files.values() for line in data.decode().splitlines()[1:]}
        assert held == {f"id-{3 + n}" for n in mine}
        assert not seen & held
        seen |= held
    assert len(seen) == 5


def test_users_go_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("user,password\n" + "".join(f'u{n},"p,{n}"\n' for n in range(4)))
    packed, files = LoadBundle(warhead(4, {"credentials_file": str(path)}), IDENTITY).pack(
        WHOLE.split(2)[1], str(tmp_path)
    )
    unpack(tmp_path, files)
    group = packed.groups[0]
    credentials = load_credentials(packed.access_of(group), group, 4, "run")
    assert [credentials.login_at(index) for index in (1, 3)] == [("u1", "p,1"), ("u3", "p,3")]


def test_certificates_of_all_and_of_each(tmp_path: Path) -> None:
    for name in ("ca.pem", "c-0.pem", "c-1.pem", "c-2.pem", "data.bin"):
        (tmp_path / name).write_text(name)
    load = warhead(
        3,
        {"cafile": str(tmp_path / "ca.pem"), "cert": f"{tmp_path}/c-{{index}}.pem"},
        payload=f"file:{tmp_path}/data.bin",
    )
    packed, files = LoadBundle(load, IDENTITY).pack(WHOLE.split(2)[0], "/bee")
    assert sorted(files.values()) == [b"c-0.pem", b"c-2.pem", b"ca.pem", b"data.bin"]
    access = packed.access_of(packed.groups[0])
    assert access.cafile == "/bee/files/meters.cafile"
    assert access.cert == "/bee/files/meters-{index}.cert"
    assert packed.groups[0].payload == "file:/bee/files/meters.payload"
    assert load.groups[0].payload == f"file:{tmp_path}/data.bin"  # ours is as it was


def test_a_file_that_is_not_there_and_a_directory_that_cannot_be_shared(tmp_path: Path) -> None:
    share = WHOLE.split(2)[0]
    with pytest.raises(OperatorError, match="No such file"):
        LoadBundle(warhead(target={"cafile": str(tmp_path / "none")}), IDENTITY).pack(share, "/bee")
    with pytest.raises(OperatorError, match="is a directory of certificates"):
        LoadBundle(warhead(target={"cert": str(tmp_path)}), IDENTITY).pack(share, "/bee")


def test_a_warhead_without_files_has_no_files() -> None:
    packed, files = LoadBundle(warhead(), IDENTITY).pack(WHOLE.split(2)[0], "/bee")
    assert files == {}
    assert packed.groups[0].clients == 5


def test_keys_that_were_shared_before_are_not_sent_again(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("".join(f"id-{n}:{n:02x}\n" for n in range(10)))
    file = read_key_file(path)
    first, second = file.parts(2)
    bundle = LoadBundle(warhead(5, {"psk_file": str(path)}), IDENTITY)
    packed, files = bundle.pack(WHOLE.split(2)[0], str(tmp_path), (first,))
    assert files == {}
    access = packed.access_of(packed.groups[0])
    assert access.psk_file == f"{tmp_path}/keys/{file.tag}.part"
    for wrong in (second, replace(first, file="f" * 16), replace(first, parts=3)):
        assert bundle.pack(WHOLE.split(2)[0], str(tmp_path), (wrong,))[1] != {}


def test_a_directory_of_payloads_goes_along_in_its_order(tmp_path: Path) -> None:
    source = tmp_path / "payloads"
    source.mkdir()
    for name in ("b", "c", "a"):
        (source / name).write_bytes(name.encode())
    packed, files = LoadBundle(warhead(payload=f"file:{source}"), IDENTITY).pack(WHOLE, str(tmp_path / "bee"))
    unpack(tmp_path / "bee", files)
    payloads = load_source(packed.groups[0].payload)
    assert [payloads.payload(0, sequence) for sequence in range(4)] == [b"a", b"b", b"c", b"a"]
