"""How a target is read, and what it never shows."""

from __future__ import annotations

import pytest

from malaria.errors import TargetError
from malaria.model.target import (
    PUBLIC_BROKERS,
    Address,
    Scheme,
    Target,
    parse_target,
    refuse_public_broker,
    without_passwords,
)

SECRET = "pa:ss/w@rd"
QUOTED = "pa%3Ass%2Fw%40rd"


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("broker", (Address("broker", 1883),)),
        ("broker:1884", (Address("broker", 1884),)),
        (" broker ", (Address("broker", 1883),)),
        ("mqtt://broker/", (Address("broker", 1883),)),
        ("MQTT://broker.example.org.:1", (Address("broker.example.org.", 1),)),
        ("my_host-1", (Address("my_host-1", 1883),)),
        ("127.0.0.1:65535", (Address("127.0.0.1", 65535),)),
        ("[::1]", (Address("::1", 1883),)),
        ("mqtt://[fe80:0::1]:99", (Address("fe80::1", 99),)),
        ("mqtt://[fe80::1%eth0]:99", (Address("fe80::1%eth0", 99),)),
        ("mqtt://[fe80::1%25eth0]:99", (Address("fe80::1%eth0", 99),)),
        ("mqtt://[fe80::1%2]", (Address("fe80::1%2", 1883),)),
        ("a:1,b:2,[::1]:3", (Address("a", 1), Address("b", 2), Address("::1", 3))),
        ("mqtt://a, b:2", (Address("a", 1883), Address("b", 2))),
    ],
)
def test_forms(text: str, addresses: tuple[Address, ...]) -> None:
    assert parse_target(text) == Target(Scheme.MQTT, addresses)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no host"),
        ("mqtt://", "names no host"),
        ("mqtt://user@", "names no host"),
        ("http://broker", "'http://' is not a known scheme"),
        ("broker:", "'' is not a port"),
        ("broker:0", "'0' is not a port"),
        ("broker:65536", "is not a port"),
        ("broker:mqtt", "'mqtt' is not a port"),
        ("broker:²", "is not a port"),
        ("broker:-1", "is not a port"),
        ("::1", "is not an address"),
        ("[::g]:1883", "not an IPv6 address"),
        ("[::1", "is not an address"),
        ("[fe80::1%]", "names no interface after %"),
        ("[fe80::1%\x1b[31m]", "names no interface after %"),
        ("bro ker", "not the name or address"),
        ("-broker", "not the name or address"),
        ("a,,b", "not the name or address"),
        ("a,b,a:1883", "names a:1883 twice"),
        ("a,mqtt://b", "not a port"),
        ("mqtt://broker/topic", "has no path"),
        ("mqtt://:secret@broker", "without a user name"),
        ("mqtt://u:a/b@broker", "holds a '/'"),
        ("x" * 300, "not the name or address"),
        ("\n", "names no host"),
        ("\x00", "not the name or address"),
    ],
)
def test_refused_with_remedy(text: str, words: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    assert words in caught.value.message
    assert caught.value.remedy


def test_a_password_is_read_and_never_shown() -> None:
    target = parse_target(f"mqtt://me%20too:{QUOTED}@broker:1884")
    assert (target.username, target.password) == ("me too", SECRET)
    assert target.url == str(target) == "mqtt://me%20too@broker:1884"
    for shown in (repr(target), str(target), target.url, f"{target}"):
        assert SECRET not in shown
        assert QUOTED not in shown


@pytest.mark.parametrize("text", [f"mqtt://u:{QUOTED}@bad host", f"mqtt://u:{QUOTED}@h:x", "mqtt://u:pa/ss@host"])
def test_an_error_shows_no_password(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    assert QUOTED not in str(caught.value)
    assert "pa/ss" not in str(caught.value)


def test_options_win_over_the_url() -> None:
    target = parse_target("mqtt://a:b@host")
    assert target.with_credentials(None, None) == target
    told = target.with_credentials("c", "d")
    assert (told.username, told.password) == ("c", "d")
    assert parse_target("u@host").with_credentials(None, "pw").password == "pw"
    with pytest.raises(TargetError, match="without a user name"):
        parse_target("host").with_credentials(None, "d")


@pytest.mark.parametrize("host", [*PUBLIC_BROKERS, "TEST.mosquitto.org.", "eu.broker.hivemq.com"])
def test_public_brokers_must_be_confirmed_twice(host: str) -> None:
    target = parse_target(f"127.0.0.1,{host}")
    for confirmations in (0, 1):
        with pytest.raises(TargetError, match="public broker") as refusal:
            refuse_public_broker(target, confirmations)
        # the command and Python say it in their own ways
        assert "--i-am-allowed-to-load-this-broker twice" in refusal.value.remedy
        assert "i_am_allowed_to_load_this_broker=2" in refusal.value.remedy
    refuse_public_broker(target, 2)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("ws://h/a@b", "/a@b"),
        ("ws://h:80/m?user=me@home&x=%20", "/m?user=me@home&x=%20"),
        ("wss://u:p%40@h/a@b", "/a@b"),
        ("ws://h?x=1", "/?x=1"),
        ("ws://h:80?x=a/b@c", "/?x=a/b@c"),
    ],
)
def test_path_and_query_of_a_websocket_are_as_they_are_written(text: str, path: str) -> None:
    target = parse_target(text)
    assert (target.path, target.addresses[0].host) == (path, "h")
    assert parse_target(target.url).path == path


def test_other_brokers_need_no_confirmation() -> None:
    refuse_public_broker(parse_target("mybroker.hivemq.com.example.org,localhost"), 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mqtt://u:100%@h", "password in the target holds a %"),
        ("mqtt://u%2:p@h", "user name in the target holds a %"),
        ("mqtt://u:%ff@h", "password in the target is not text in UTF-8"),
        ("ws://h/a b", "write %20 for ' '"),
        ("ws://h/☃", "write %E2%98%83 for '☃'"),
        ("ws://h/a\r\nHost: x", r"write %0D for '\\r'"),
        ("ws://h/\udcff", r"write %FF for '\\udcff'"),
        ("ws://h/a#b", "write %23 for '#'"),
        ("ws://u:pa/ss@h/m", "write %2F, %3F or %23"),
        ("ws://u:pa?ss@h/m", "write %2F, %3F or %23"),
        (f"mqtt://{'u' * 65536}@h", "user name is longer than 65,535 bytes"),
        ("mqtt://u:%00@h", "password holds U\\+0000"),
    ],
)
def test_what_no_client_could_send_is_refused(text: str, words: str) -> None:
    with pytest.raises(TargetError, match=words):
        parse_target(text)


@pytest.mark.parametrize("text", ["\udcff", "x" * 65536, "a\0b"])
def test_options_that_no_client_could_send_are_refused(text: str) -> None:
    for username, password in ((text, None), ("u", text)):
        with pytest.raises(TargetError):
            parse_target("h").with_credentials(username, password)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("mqtt://u:p@ss@h", "mqtt://h"),
        ("mqtt://u@h", "mqtt://u@h"),
        ("prometheus=http://TOKEN@h:9/metrics", "prometheus=http://h:9/metrics"),
        ("HTTPS://TOKEN@h", "HTTPS://h"),
        ("ssh://admin@h", "ssh://admin@h"),
    ],
)
def test_logins_of_urls_are_removed_and_a_user_alone_where_it_may_be_a_token(text: str, kept: str) -> None:
    assert without_passwords(text)[0] == kept
