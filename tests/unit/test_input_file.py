"""Files that the operator names: regular and of bounded size, whatever path is given."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from malaria.campaigns.definition import load_campaign
from malaria.errors import OperatorError
from malaria.input_file import read_input_bytes, read_input_text
from malaria.model.access import Access
from malaria.model.warhead import load_warhead
from malaria.plan.credentials import read_keys, read_logins
from malaria.schedule.payload import load_source
from malaria.transport.key_type import key_type
from malaria.transport.tls import TlsClients, TlsIdentity

CAMPAIGN = 'title = "t"\ntarget.url = "h"\ndefaults = { hold = "1s", warhead = "w.toml" }\n[[level]]\nclients = 1\n'
READERS: list[Callable[[Path], object]] = [
    load_warhead,
    load_campaign,
    read_keys,
    read_logins,
    lambda path: load_source(f"file:{path}"),
    lambda path: TlsClients(Access(cafile=str(path))),
]


@pytest.mark.parametrize("read", READERS)
def test_devices_and_pipes_are_refused_at_once(read: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (Path("/dev/zero"), tmp_path / "fifo"):
        with pytest.raises(OperatorError, match="is not a regular file"):
            read(path)


@pytest.mark.parametrize("place", [0, 1])
def test_a_certificate_or_key_is_a_regular_file(place: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "plain").write_text("")
    files = [str(tmp_path / "plain"), str(tmp_path / "plain")]
    files[place] = str(tmp_path / "fifo")
    with pytest.raises(OSError, match="is not a regular file"):
        TlsClients(Access(insecure=True)).lasting_context(TlsIdentity(certificate=(files[0], files[1])))


def test_the_key_type_is_read_from_a_regular_file() -> None:
    with pytest.raises(OSError, match="is not a regular file"):
        key_type("/dev/zero")


def test_a_directory_is_not_a_warhead(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="is a directory"):
        load_warhead(tmp_path)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1234")
    assert read_input_bytes(tmp_path / "f", 4) == b"1234"
    with pytest.raises(OSError, match="is larger than 3 B"):
        read_input_bytes(tmp_path / "f", 3)


def test_text_has_no_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read_input_text(tmp_path / "f", 100) == "a\nb"


def test_a_campaign_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    (tmp_path / "w.toml").write_text('[[group]]\nname = "g"\nclients = 1\n')
    path.write_text(CAMPAIGN, encoding="utf-8-sig")
    assert len(load_campaign(path).levels) == 1
