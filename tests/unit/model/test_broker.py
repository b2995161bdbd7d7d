"""What `[broker]` may say, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from malaria.model.broker import BrokerKind, BrokerTable, Clean, ListenerTable, ListenerTransport

COMMAND = {"kind": "command", "command": ["broker", "-v"]}
MOSQUITTO = {"kind": "mosquitto"}
UNIT = {"kind": "systemd", "unit": "mosquitto.service"}


def listening(**listener: Any) -> dict[str, Any]:
    return MOSQUITTO | {"listener": [listener]}


def test_nothing_said() -> None:
    table = BrokerTable()
    assert (table.kind, table.clean) == (BrokerKind.NONE, Clean.EACH_LEVEL)
    assert (table.ready_timeout_ns, table.stop_timeout_ns) == (15 * 10**9, 5 * 10**9)


def test_a_command_is_words() -> None:
    text = BrokerTable.model_validate({"kind": "command", "command": "broker --name 'two words' $HOME"})
    assert text.command == ("broker", "--name", "two words", "$HOME")
    assert BrokerTable.model_validate(COMMAND).command == ("broker", "-v")


def test_files_are_one_or_several() -> None:
    one = BrokerTable.model_validate(COMMAND | {"persistence": "/a.db"})
    several = BrokerTable.model_validate(COMMAND | {"persistence": ["/a.db", "/b.db"]})
    assert (one.persistence, several.persistence) == (("/a.db",), ("/a.db", "/b.db"))


def test_a_listener_is_named_by_its_kind_and_named_clients_are_users() -> None:
    table = BrokerTable.model_validate(
        MOSQUITTO
        | {"listener": [{}, {"kind": "psk", "psk_clients": 3000}, {"kind": "ws", "name": "web", "port": 8080}]}
    )
    assert [(one.name, one.kind, one.port) for one in table.listeners] == [
        ("plain", ListenerTransport.PLAIN, 0),
        ("psk", ListenerTransport.PSK, 0),
        ("web", ListenerTransport.WS, 8080),
    ]
    assert [one.identity_as_username for one in table.listeners] == [False, True, False]


def test_a_listener_may_say_otherwise() -> None:
    listener = ListenerTable.model_validate({"kind": "psk", "psk_file": "/k", "identity_as_username": False})
    assert not listener.identity_as_username


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ({"kind": "docker"}, "kind", "systemd"),
        ({"kind": "command"}, "command", "is missing"),
        ({"kind": "command", "command": "broker 'open"}, "command", "is not a command"),
        ({"kind": "systemd"}, "unit", "is missing"),
        ({"kind": "systemd", "unit": "-x"}, "unit", "pattern"),
        ({"kind": "systemd", "unit": "a b;c"}, "unit", "pattern"),
        (UNIT | {"command": "broker"}, "command", "means nothing to a broker of kind systemd"),
        ({"kind": "embedded", "ssh": "host"}, "ssh", "means nothing to a broker of kind embedded"),
        ({"config": "/etc/m.conf"}, "config", "means nothing to a broker of kind none"),
        (MOSQUITTO | {"config": "/m.conf", "listener": [{}]}, "listener", "cannot be used with config"),
        (MOSQUITTO | {"config": "/m.conf", "max_queued_messages": 1}, "max_queued_messages", "cannot be used with"),
        (MOSQUITTO | {"persistence": ["/a", "/b"]}, "persistence", "names several files"),
        (MOSQUITTO | {"ssh": "host"}, "config", "is missing beside ssh"),
        (COMMAND | {"ssh": "-oProxyCommand=x"}, "ssh", "is not a host"),
        (COMMAND | {"ssh": "a\nb"}, "ssh", "is not a host"),
        (COMMAND | {"ssh_config": "/c"}, "ssh", "is missing beside ssh_config"),
        (COMMAND | {"ready_timeout": 0}, "ready_timeout", "must be longer than 0 s"),
        (COMMAND | {"clean": "sometimes"}, "clean", "each-level"),
        (COMMAND | {"sudo": "yes"}, "sudo", "valid boolean"),
        (MOSQUITTO | {"listener": [{}, {}]}, "name", "is taken"),
        (listening(kind="tls"), "certificate", "is missing"),
        (listening(kind="wss", certificate="/c"), "key", "is missing"),
        (listening(kind="mtls", certificate="/c", key="/k"), "cafile", "is missing"),
        (listening(certificate="/c"), "certificate", "belongs to a listener of kind tls"),
        (listening(kind="psk"), "psk_clients", "is missing"),
        (listening(kind="psk", psk_file="/p", psk_clients=3), "psk_clients", "cannot be used with psk_file"),
        (listening(kind="ws", psk_file="/p"), "psk_file", "belongs to a listener of kind psk"),
        (listening(port=65536), "port", "65535"),
        (listening(tls_version="1.1"), "tls_version", "1.3"),
    ],
)  # fmt: skip
def test_what_makes_no_sense(table: dict[str, Any], key: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        BrokerTable.model_validate(table)
    fault = caught.value.errors()[0]
    cause = fault.get("ctx", {}).get("error")
    path = (*fault["loc"], *getattr(cause, "path", ()))
    assert key in path
    assert message in f"{fault['msg']} {getattr(cause, 'message', '')}"


def test_a_kind_that_is_no_text_is_refused_and_not_a_crash() -> None:
    with pytest.raises(ValidationError, match="kind"):
        BrokerTable.model_validate({"kind": "mosquitto", "listener": [{"kind": ["plain"], "name": "a"}]})
