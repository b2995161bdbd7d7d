"""The keys that only MQTT 5 has: what they become in packets, and where they cannot stand."""

from __future__ import annotations

import pytest

from malaria.errors import WarheadError
from malaria.model.mqtt5 import OF_5
from malaria.model.option_table import LoadOptions
from malaria.model.warhead import Warhead, to_toml, warhead_from_toml
from malaria.model.warhead_options import build_warhead
from malaria.mqtt.packets import Protocol

HEAD = '[attack]\nduration = 1\nprotocol = "5"\n[[group]]\nname = "g"\nclients = 2\n'


def read(lines: str, head: str = HEAD) -> Warhead:
    return warhead_from_toml(head + lines, "g.toml")


def test_properties_of_messages_are_filled_in() -> None:
    (group,) = read(
        'message_expiry = "1m"\ncontent_type = "t"\nresponse_topic = "r/{client}"\ncorrelation_data = "{seq}"\n'
        'client_id = "c{index}"\nuser_properties = { a = "{group}", b = ["1", "2"] }'
    ).groups
    assert group.message_properties_at(1, "run", 7) == {
        "message_expiry_interval": 60,
        "content_type": "t",
        "response_topic": "r/c1",
        "correlation_data": b"7",
        "user_property": (("a", "g"), ("b", "1"), ("b", "2")),
    }
    assert read("").groups[0].message_properties_at(0, "run", 0) == {}


def test_what_connect_says() -> None:
    (group,) = read('session_expiry = "never"\nreceive_maximum = 9\nmaximum_packet_size = 1000').groups
    said = {"session_expiry_interval": 0xFFFFFFFF, "receive_maximum": 9, "maximum_packet_size": 1000}
    assert group.connect_properties(clean_start=True) == said
    plain = read("").groups[0]
    assert plain.connect_properties(clean_start=True) == {}
    assert plain.connect_properties(clean_start=False) == {"session_expiry_interval": 0xFFFFFFFF}  # as in 3.1.1
    (brief,) = read('session_expiry = "90s"').groups
    assert brief.connect_properties(clean_start=False) == {"session_expiry_interval": 90}


def test_what_subscribe_says() -> None:
    lines = 'role = "subscribe"\nno_local = true\nretain_as_published = true\nretain_handling = 2'
    (group,) = read(f"{lines}\nsubscription_identifier = 7").groups
    assert group.subscription_options == 0x2C
    assert group.subscribe_properties() == {"subscription_identifier": 7}
    assert read('role = "subscribe"').groups[0].subscribe_properties() == {}


def test_a_will_has_properties_too() -> None:
    (group,) = read('will = { topic = "w", delay = "1m", content_type = "t", user_properties = { a = "b" } }').groups
    will = group.will_at(0, "run")
    assert will is not None
    assert will[4] == {"will_delay_interval": 60, "content_type": "t", "user_property": (("a", "b"),)}


def test_it_is_written_as_it_was_read() -> None:
    warhead = read(
        'session_expiry = "never"\ntopic_alias = true\nuser_properties = { a = ["b", "c"] }\n'
        'will = { topic = "w", delay = "1m" }\n'
        '[[group]]\nname = "older"\nclients = 1\nprotocol = "3.1.1"\nrole = "subscribe"\n'
    )
    assert warhead_from_toml(to_toml(warhead)) == warhead
    assert [warhead.protocol_of(group) for group in warhead.groups] == [Protocol.V5, Protocol.V311]


FAULTS: dict[str, tuple[str, str]] = {
    "expiry": ('session_expiry = "1500ms"', "group[0].session_expiry: '1500ms' is not an expiry"),
    "receive maximum": ("receive_maximum = 0", "group[0].receive_maximum: 0 is too small"),
    "retain handling": ('role = "subscribe"\nretain_handling = 3', "group[0].retain_handling"),
    "alias of many topics": ('topic = "a/{seq}"\ntopic_alias = true', "group[0].topic_alias: stands for a topic"),
    "response to many": ('response_topic = "a/+"', "group[0].response_topic: topic 'a/+' holds a wildcard"),
    "no such placeholder": ('user_properties = { a = "{x}" }', "{x} is not a placeholder"),
    "no local share": (
        'role = "both"\nfilters = ["$share/s/a"]\nno_local = true',
        "group[0].no_local: cannot be asked of a shared subscription",
    ),
    "an id of its choice": ('client_id = ""', "group[0].topic: uses {client}, and the broker chooses the ids"),
    "a will's id": (
        'client_id = ""\ntopic = "a/{index}"\nwill = { topic = "w/{client}" }',
        "group[0].will.topic: uses {client}",
    ),
    "a listener's": ('role = "subscribe"\ntopic_alias = true', "group[0].topic_alias: means nothing for a subscribe"),
    "a speaker's": ("no_local = true", "group[0].no_local: means nothing for a publish group"),
    "a version": ('protocol = "4"', "group[0].protocol: MQTT '4' is not supported"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults(case: str) -> None:
    lines, message = FAULTS[case]
    with pytest.raises(WarheadError) as caught:
        read(lines)
    assert message in str(caught.value)
    assert caught.value.remedy


SAID: dict[str, str] = {
    "message_expiry": "1", "content_type": "'a'", "response_topic": "'a'", "correlation_data": "'a'",
    "user_properties": "{ a = 'b' }", "session_expiry": "1", "receive_maximum": "1", "maximum_packet_size": "100",
    "topic_alias_maximum": "1", "topic_alias": "true", "no_local": "true", "retain_as_published": "true",
    "retain_handling": "1", "subscription_identifier": "1",
}  # fmt: skip


@pytest.mark.parametrize("key", OF_5)
def test_an_older_client_cannot_say_it(key: str) -> None:
    older = HEAD.replace('"5"', '"3.1.1"') + 'role = "both"\ntopic = "t"\n'
    with pytest.raises(WarheadError) as caught:
        read(f"{key} = {SAID[key]}", older)
    assert f"group[0].{key}: is of MQTT 5, and this group speaks 3.1.1" in str(caught.value)
    assert "-V 5" in caught.value.remedy


def test_neither_can_its_will_or_its_id() -> None:
    older = HEAD.replace('"5"', '"3.1.1"')
    for lines, place in (
        ('will = { topic = "w", delay = 1 }', "group[0].will.delay: is of MQTT 5"),
        ('client_id = ""\ntopic = "t"', "group[0].client_id: is empty"),
    ):
        with pytest.raises(WarheadError) as caught:
            read(lines, older)
        assert place in str(caught.value)


def test_only_in_mqtt_5_can_a_group_respond() -> None:
    with pytest.raises(WarheadError, match=r"group\[0\]\.role: is of MQTT 5"):
        read('role = "respond"', HEAD.replace('"5"', '"3.1.1"'))
    warhead = read('role = "respond"\ntopic = "r/+"')
    assert warhead.groups[0].filters == ("r/+",)
    assert warhead_from_toml(to_toml(warhead)) == warhead


def test_options() -> None:
    options = LoadOptions(
        protocol="5", session_expiry="1m", topic_alias=True, message_expiry="10", user_property=("a=b=c", "a=d", "e=f")
    )
    group = build_warhead(options).groups[0]
    assert (group.session_expiry, group.topic_alias, group.message_expiry) == (60, True, 10)
    assert group.user_properties == (("a", "b=c"), ("a", "d"), ("e", "f"))
    with pytest.raises(WarheadError, match=r"--topic-alias: is of MQTT 5"):
        build_warhead(LoadOptions(topic_alias=True))
