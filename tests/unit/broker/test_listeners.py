"""From `[[broker.listener]]` to mosquitto's settings, and to what clients must know."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from malaria.broker.configuration import MosquittoListener
from malaria.broker.listeners import access_table, settings_of
from malaria.model.access import Access
from malaria.model.broker import BrokerTable

CERTIFICATE = {"certificate": "/c", "key": "/k"}


def settings(tmp_path: Path, *listeners: dict[str, Any], **keys: Any) -> Any:
    table = {"kind": "mosquitto", "listener": list(listeners)} | keys
    return settings_of(BrokerTable.model_validate(table), tmp_path)


def test_without_a_word_there_is_one_plain_listener(tmp_path: Path) -> None:
    made = settings(tmp_path)
    assert [(one.name, one.encrypted, one.websockets) for one in made.listeners] == [("plain", False, False)]
    assert made.listeners[0].port > 1023
    assert (made.persistence_file, made.max_queued_messages, made.max_inflight_messages) == (None, 0, None)


def test_keys_are_made_for_as_many_as_said(tmp_path: Path) -> None:
    (listener,) = settings(tmp_path, {"kind": "psk", "psk_clients": 3, "port": 8883}).listeners
    lines = listener.psk_file.read_text().splitlines()
    assert all(re.fullmatch(r"malaria-0000\d:[0-9a-f]{32}", line) for line in lines)
    assert len(set(lines)) == 3
    assert stat.S_IMODE(listener.psk_file.stat().st_mode) == 0o600
    assert listener.identity_as_username


def test_every_key_finds_its_place(tmp_path: Path) -> None:
    said = {"name": "in", "kind": "mtls", "port": 1, "address": "::1", "cafile": "/ca", "tls_version": "1.3",
            "ciphers": "X", "password_file": "/p", "acl_file": "/a", "max_connections": 7}  # fmt: skip
    made = settings(tmp_path, said | CERTIFICATE, persistence="/m.db", max_queued_messages=9, max_inflight_messages=20)
    assert made.listeners == (
        MosquittoListener(1, "::1", "in", cafile=Path("/ca"), certfile=Path("/c"), keyfile=Path("/k"),
                 require_certificate=True, identity_as_username=True, tls_version="tlsv1.3", ciphers="X",
                 allow_anonymous=False, password_file=Path("/p"), acl_file=Path("/a"), max_connections=7),
    )  # fmt: skip
    assert (made.persistence_file, made.max_queued_messages, made.max_inflight_messages) == (Path("/m.db"), 9, 20)


@pytest.mark.parametrize(
    ("listener", "table"),
    [
        (MosquittoListener(1), {"url": "mqtt://127.0.0.1:1"}),
        (MosquittoListener(1, "0.0.0.0"), {"url": "mqtt://127.0.0.1:1"}),
        (MosquittoListener(1, "::1"), {"url": "mqtt://[::1]:1"}),
        (MosquittoListener(1, "10.0.0.1", websockets=True), {"url": "ws://10.0.0.1:1"}),
        (MosquittoListener(1, psk_file=Path("/p")), {"url": "mqtts://127.0.0.1:1", "psk_file": "/p"}),
        (
            MosquittoListener(1, certfile=Path("/c"), cafile=Path("/ca")),
            {"url": "mqtts://127.0.0.1:1", "cafile": "/ca"},
        ),
        (MosquittoListener(1, certfile=Path("/c"), websockets=True), {"url": "wss://127.0.0.1:1"}),
    ],
)
def test_what_clients_must_know(listener: MosquittoListener, table: dict[str, Any]) -> None:
    assert access_table(listener) == table
    assert Access.model_validate(table).url == table["url"]
