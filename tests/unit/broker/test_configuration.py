"""The text of mosquitto's configuration, by the settings it is made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.broker.configuration import MosquittoListener, MosquittoSettings, configuration_text
from malaria.errors import OperatorError

KEYS = Path("/keys")


def sections(*listeners: MosquittoListener, **settings: object) -> list[list[str]]:
    """The lines about the broker, then those of each listener."""
    text = configuration_text(MosquittoSettings(listeners, **settings))  # type: ignore[arg-type]
    return [part.splitlines() for part in text.split("\n\n")]


def test_a_plain_listener_and_the_defaults() -> None:
    assert sections(MosquittoListener(1883)) == [
        ["per_listener_settings true", "sys_interval 1", "max_queued_messages 0", "connection_messages true",
         "persistence false"],
        ["listener 1883 127.0.0.1", "allow_anonymous true"],
    ]  # fmt: skip


def test_what_is_about_the_whole_broker() -> None:
    lines, _ = sections(
        MosquittoListener(1),
        user="root",
        max_queued_messages=1000,
        max_inflight_messages=20,
        log_connections=False,
        persistence_file=Path("/var/here/it.db"),
    )
    assert lines == [
        "per_listener_settings true", "user root", "sys_interval 1", "max_queued_messages 1000",
        "max_inflight_messages 20", "connection_messages false", "persistence true",
        "persistence_location /var/here/", "persistence_file it.db",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("listener", "lines"),
    [
        (
            MosquittoListener(1, cafile=KEYS / "ca", certfile=KEYS / "c", keyfile=KEYS / "k", tls_version="tlsv1.3"),
            {"cafile /keys/ca", "certfile /keys/c", "keyfile /keys/k", "tls_version tlsv1.3"},
        ),
        (MosquittoListener(1, require_certificate=True), {"require_certificate true"}),
        (
            MosquittoListener(1, psk_file=KEYS / "psk", identity_as_username=True, ciphers="PSK-AES128-GCM-SHA256"),
            {"psk_file /keys/psk", "psk_hint malaria", "use_identity_as_username true",
             "ciphers PSK-AES128-GCM-SHA256"},
        ),
        (
            MosquittoListener(1, password_file=KEYS / "users", acl_file=KEYS / "acl", max_connections=7),
            {"password_file /keys/users", "acl_file /keys/acl", "max_connections 7"},
        ),
        (MosquittoListener(1, websockets=True), {"socket_domain ipv4", "protocol websockets"}),
        (MosquittoListener(1, "::1", websockets=True), {"protocol websockets"}),
    ],
)  # fmt: skip
def test_what_is_about_one_listener(listener: MosquittoListener, lines: set[str]) -> None:
    found = sections(listener)[1]
    assert set(found) == {f"listener 1 {listener.address}", "allow_anonymous true"} | lines
    assert len(found) == len(lines) + 2


def test_nobody_without_a_name_is_let_in_where_so_wished() -> None:
    assert "allow_anonymous false" in sections(MosquittoListener(1, allow_anonymous=False))[1]


def test_a_listener_is_encrypted_by_certificate_or_keys() -> None:
    kinds = [
        MosquittoListener(1),
        MosquittoListener(1, certfile=KEYS),
        MosquittoListener(1, psk_file=KEYS),
        MosquittoListener(1, websockets=True),
    ]
    assert [listener.encrypted for listener in kinds] == [False, True, True, False]


def test_further_lines_come_last() -> None:
    assert sections(MosquittoListener(1), MosquittoListener(2), further=("one", "two"))[-1] == ["one", "two"]


@pytest.mark.parametrize("sign", ["\n", "\r", "\0", "\x1b"])
def test_no_value_makes_a_line_of_its_own(sign: str) -> None:
    listener = MosquittoListener(1, acl_file=Path(f"/keys/x{sign}allow_anonymous true"))
    with pytest.raises(OperatorError, match="cannot be written to a configuration"):
        configuration_text(MosquittoSettings((listener,)))
