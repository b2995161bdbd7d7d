"""A warhead: what is read, what is refused and in which words, and that writing and reading are inverse."""

from __future__ import annotations

import pickle
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malaria.errors import WarheadError
from malaria.model.faults import key_path
from malaria.model.group_keys import Role
from malaria.model.threshold import Threshold
from malaria.model.warhead import KEYS, Warhead, describe, load_warhead, to_table, to_toml, validated, warhead_from_toml

METERS = """
[[group]]                     # 3000 meters at 1/6 Hz
name = "meters"
clients = 3000
rate = "1/6"
qos = 1
size = "500~25"
messages = 1000
topic = "mqtt-malaria/{client}/data/{seq}/{messages}"

[[group]]
name = "backend"
role = "subscribe"
clients = 1
topic = "mqtt-malaria/+/data/#"

[attack]
duration = "10m"

[thresholds]
"ack.p99" = "< 500ms"
"messages.acked_lost" = "== 0"
"rates.acked_per_s" = ">= 98% of due"
"""


def group(lines: str, attack: str = 'duration = "1s"') -> Warhead:
    return warhead_from_toml(f'[attack]\n{attack}\n[[group]]\nname = "g"\nclients = 2\n{lines}\n', "g.toml")


def refusal(lines: str, attack: str = 'duration = "1s"') -> WarheadError:
    with pytest.raises(WarheadError) as caught:
        group(lines, attack)
    assert caught.value.remedy
    return caught.value


def test_the_warhead_of_the_design() -> None:
    meters, backend = (warhead := warhead_from_toml(METERS)).groups
    assert (meters.role, meters.interval, meters.messages, meters.header) == (Role.PUBLISH, Fraction(6), 1000, True)
    assert (backend.filters, backend.qos) == (("mqtt-malaria/+/data/#",), 1)
    assert warhead.attack.duration_ns == 600 * 10**9
    assert warhead.thresholds[2] == Threshold("rates.acked_per_s", ">=", 98.0, "rates.due_per_s")
    assert warhead.publishing == (meters,)


def test_defaults() -> None:
    (g,), attack = (warhead := group("")).groups, warhead.attack
    assert (g.interval, g.arrival, g.qos, g.size, g.payload, g.inflight) == (1, "steady", 1, "100", "random", 20)
    assert (g.keepalive, g.clean_start, g.topic) == (60, True, "malaria/{client}/data")
    assert (attack.warmup_ns, attack.drain_ns, attack.own_lag_limit_ns) == (0, 10 * 10**9, None)
    assert (attack.connect_rate, attack.connects_in_progress) == (1000, 64)
    assert attack.reconnect_ns == (10**9, 30 * 10**9)


# --- what follows from other keys ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "filters"),
    [
        ('role = "subscribe"', ("malaria/+/data",)),
        ('role = "subscribe"\ntopic = "a/{index}/#"', ("a/{index}/#",)),
        ('role = "subscribe"\nfilters = ["a", "b/+"]', ("a", "b/+")),
        ('role = "both"', ("malaria/{client}/data",)),
        ('role = "both"\ntopic = "x/{client}/{seq}/n{messages}"\nmessages = 2', ("x/{client}/+/+",)),
        ('role = "both"\nfilters = ["#"]', ("#",)),
        ('role = "publish"', ()),
        ('role = "connect"', ()),
    ],
)
def test_filters(lines: str, filters: tuple[str, ...]) -> None:
    assert group(lines).groups[0].filters == filters


@pytest.mark.parametrize(
    ("lines", "header"),
    [
        ("size = 20", True),
        ("size = 19", False),
        ('size = "20-900"', True),
        ('size = "10-900"', False),
        ('size = "500~25"', True),
        ('size = "10~5"', False),
        ('payload = "file:readings.bin"', False),
        ('payload = "meters:reading"\nheader = true', True),
        ("size = 500\nheader = false", False),
    ],
)
def test_header(lines: str, header: bool) -> None:
    assert group(lines).groups[0].header is header


@pytest.mark.parametrize(
    ("lines", "interval"),
    [('rate = "1/6"', Fraction(6)), ("rate = 0.166", Fraction(500, 83)), ('interval = "250ms"', Fraction(1, 4)),
     ("interval = 6", Fraction(6)), ("interval = 0", Fraction(0)), ('rate = "10000/min"', Fraction(6, 1000))],
)  # fmt: skip
def test_interval(lines: str, interval: Fraction) -> None:
    assert group(lines).groups[0].interval == interval


def test_names_of_clients() -> None:
    warhead = group(
        'client_id = "m-{index:04d}"\nusername = "u{index}"\npassword = "pw-{client}"\n'
        'topic = "t/{client}/{group}/{run}/{seq}"\nrole = "both"\nwill = { topic = "gone/{client}", payload = "{}" }'
    )
    g = warhead.groups[0]
    assert g.client_id_at(7, "r") == "m-0007"
    assert g.credentials_at(7, "r") == ("u7", "pw-m-0007")
    assert g.topic_at(7, "r", 3) == "t/m-0007/g/r/3"
    assert g.filters_at(7, "r") == ("t/m-0007/g/r/+",)
    assert g.will_at(7, "r") == ("gone/m-0007", b"{}", 0, False, {})
    assert g.topic_uses == {"client", "group", "run", "seq"}
    assert group("").groups[0].will_at(0, "r") is None
    assert group("").groups[0].credentials_at(0, "r") == (None, None)


def test_credentials_of_the_target_are_taken_literally() -> None:
    warhead = group("").with_credentials("{me}", "{pw}")
    assert warhead.groups[0].credentials_at(0, "r") == ("{me}", "{pw}")
    own = group('username = "u"').with_credentials("{me}", "{pw}")
    assert own.groups[0].credentials_at(0, "r") == ("u", None)
    assert group("").with_credentials(None, None) == group("")


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("rate = '10k/m'", "g.toml: group[0].rate: '10k/m' is not a rate"),
        ("rate = 1000001", "group[0].rate: a rate of 1000001 is too high"),
        ("rate = 0", "group[0].rate: a rate of 0 is too low"),
        ("rate = 1\ninterval = 1", "group[0].rate: cannot be used with interval"),
        ("interval = '-1s'", "group[0].interval: '-1s' is not a duration"),
        ("interval = '400d'", "group[0].interval: is longer than a year"),
        (
            f"topic = '{'x' * 65530}{{run}}'",
            "group[0].topic: may come to 65,536 bytes once its",
        ),
        ("interval = 1979-05-27", "group[0].interval: "),
        ("clients = 2", "g.toml is not TOML: Cannot overwrite a value"),
        ("clinets = 2", "group[0].clinets: unknown key"),
        ("duration = '1s'", "group[0].duration: unknown key"),
        ("qos = 3", "group[0].qos: 3 is too large"),
        ("qos = '1'", "group[0].qos: '1' is not a whole number"),
        ("qos = true", "group[0].qos: True is not a whole number"),
        ("retain = 1", "group[0].retain: 1 is neither true nor false"),
        ("role = 'pub'", "group[0].role: 'pub' is not a valid role"),
        ("role = ['publish']", "group[0].role: "),
        ("arrival = 'late'", "group[0].arrival: 'late' is not a valid arrival"),
        ("jitter = 0.1", "group[0].jitter: means nothing for steady arrival"),
        ("arrival = 'jitter'\njitter = 2", "group[0].jitter: 2 is not a part of the interval"),
        ("interval = 0\narrival = 'poisson'", "group[0].arrival: an interval of 0 is closed loop"),
        ("interval = 0\nrate_ramp = '1s'", "group[0].rate_ramp: an interval of 0 is closed loop"),
        ("size = -5", "group[0].size: "),
        ("size = 'big'", "group[0].size: "),
        ("size = 1.5", "group[0].size: 1.5 is not a size"),
        ("size = 10\nheader = true", "group[0].header: a size of 10 has no room"),
        ("size = 500\npayload = 'file:x'", "group[0].size: file:x has a size of its own"),
        ("size = 300000000", "group[0].size: "),
        ("payload = 'noise'", "group[0].payload: 'noise' is not a payload"),
        ("payload = 'file:'", "group[0].payload: 'file:' is not a payload"),
        ("messages = 0", "group[0].messages: 0 is too small"),
        ("inflight = 0", "group[0].inflight: 0 is too small"),
        ("inflight = 65535", "group[0].inflight: 65535 is too large"),
        ("keepalive = '1500ms'", "group[0].keepalive: '1500ms' is not a keep-alive"),
        ("keepalive = '1d'", "group[0].keepalive: '1d' is not a keep-alive"),
        ("topic = '{clinet}'", "group[0].topic: {clinet} is not a placeholder"),
        ("topic = 'a/{'", "group[0].topic: 'a/{' has a brace without its partner"),
        ("topic = '{messages}'", "group[0].topic: uses {messages}, but the group has no messages"),
        ("topic = ''", "group[0].topic: "),
        ("topic = 'a/+'", "group[0].topic: "),
        ("topic = 'a\\u0000b'".replace("'", '"'), "group[0].topic: "),
        ("client_id = 'a/#/{index}'", "group[0].topic: "),
        ("role = 'subscribe'\ntopic = 'a/{seq}'", "group[0].topic: {seq} is not a placeholder"),
        ("role = 'subscribe'\ntopic = 'a/#/b'", "group[0].topic: "),
        ("role = 'subscribe'\nfilters = ['a', 'b+']", "group[0].filters[1]: "),
        ("role = 'subscribe'\nfilters = []", "group[0].filters: is an empty list"),
        ("role = 'subscribe'\nfilters = 'a'", "group[0].filters: 'a' is not a list"),
        ("role = 'subscribe'\nfilters = [1]", "group[0].filters[0]: 1 is not a text"),
        ("role = 'subscribe'\nfilters = ['a']\ntopic = 'b'", "group[0].topic: cannot be used with filters"),
        ("role = 'subscribe'\nrate = 5", "group[0].interval: means nothing for a subscribe group"),
        ("role = 'subscribe'\nsize = 5", "group[0].size: means nothing for a subscribe group"),
        ("role = 'connect'\ntopic = 'a'", "group[0].topic: means nothing for a connect group"),
        ("role = 'connect'\nqos = 2", "group[0].qos: means nothing for a connect group"),
        ("filters = ['a']", "group[0].filters: means nothing for a publish group"),
        ("client_id = 'same'", "group[0].client_id: is the same for every client"),
        ("client_id = '{seq}'", "group[0].client_id: {seq} is not a placeholder"),
        ("username = '{seq}'", "group[0].username: {seq} is not a placeholder"),
        ("password = 'x'", "group[0].password: needs a user name"),
        ("will = 'x'", "group[0].will: 'x' is not a table"),
        ("will = {}", "group[0].will.topic: is missing"),
        ("will = { topic = 'a', qoss = 1 }", "group[0].will.qoss: unknown key"),
        ("will = { topic = 'a/#' }", "group[0].will.topic: "),
        ("will = { topic = '{seq}' }", "group[0].will.topic: {seq} is not a placeholder"),
        ("[[group]]\nname = 'g'\nclients = 1", "group[1].name: 'g' is the name of group[0] too"),
        ("[[group]]\nname = 'g b'\nclients = 1", "group[1].name: 'g b' is not a valid name"),
        ("[[group]]\nclients = 1", "group[1].name: is missing"),
        ("[[surge]]\nat = '1s'\nclients = 1", "g.toml: surge[0].group: is missing"),
        ("[[wave]]\nat = '1s'", "g.toml: wave: unknown key"),
        ("[thresholds]\n'ack.p98' = '< 1s'", "g.toml: thresholds.\"ack.p98\": 'ack.p98' is not a figure"),
        ("[thresholds]\nack.p99 = 5", 'g.toml: thresholds."ack.p99": 5 is not a condition'),
        ("not toml", "g.toml is not TOML: "),
    ],
)
def test_refused_by_key(lines: str, message: str) -> None:
    assert message in refusal(lines).message


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "g.toml: attack.duration: is missing, and group g would publish for ever"),
        ("duration = 0", "attack.duration: must be longer than 0 s"),
        ("duration = 1\nprotocol = '4'", "attack.protocol: MQTT '4' is not supported"),
        ("duration = 1\nown_lag_limit = 0", "attack.own_lag_limit: must be longer than 0 s"),
        ("duration = 1\nconnect_timeout = 0", "attack.connect_timeout: must be longer than 0 s"),
        ("duration = 1\nconnect_rate = -1", "attack.connect_rate: -1 is not a rate"),
        ("duration = 1\nconnects_in_progress = 0", "attack.connects_in_progress: 0 is too small"),
        ("duration = 1\nreconnect = '1s'", "attack.reconnect: '1s' is not a reconnect"),
        ("duration = 1\nreconnect = ['2s', '1s']", "attack.reconnect: "),
        ("duration = 1\nseed = -1", "attack.seed: -1 is too small"),
        ("duration = 1\nsource_addresses = ['host']", "attack.source_addresses: 'host' is not an IP address"),
        ("duration = 1\nsource_addresses = 'all'", "attack.source_addresses: 'all' is not a list"),
        ("duration = 1\nclients = 5", "attack.clients: unknown key"),
    ],
)
def test_refused_attack(lines: str, message: str) -> None:
    assert message in refusal("", lines).message


def test_remedies_name_what_was_meant() -> None:
    assert refusal("clinets = 2").remedy == "did you mean clients?"
    assert refusal("rat = 2").remedy == "did you mean rate?"
    assert refusal("duration = 2").remedy == "it belongs into [attack]"
    assert refusal("", "duration = 1\nclients = 5").remedy == "it belongs into [[group]]"
    assert "known are attack, change, group, surge, target, thresholds" in refusal("[zzz]").remedy
    assert refusal("role = 'pub'").remedy == 'write "publish", "subscribe", "both", "respond" or "connect"'
    more = "g.toml: group[0].retain: 1 is neither true nor false; write true or false, without quotes"
    assert refusal("qos = 3\nretain = 1").remedy == f"write 2 or less\n{more}"
    hidden = refusal("rate = '10k/m'\nqos = 3\nretain = 1")
    assert "'10k/m' is not a rate" in hidden.message
    assert hidden.remedy.splitlines()[1:] == ["g.toml: group[0].qos: 3 is too large; write 2 or less", more]


@pytest.mark.parametrize("lines", ["password = 4242", "username = 'u'\npassword = 'sec{ret'", "password = 'secret'"])
def test_a_password_is_never_quoted(lines: str) -> None:
    error = str(refusal(lines))
    assert "4242" not in error
    assert "sec" not in error


def test_no_group_at_all() -> None:
    with pytest.raises(WarheadError, match="there is no group of clients"):
        warhead_from_toml("")
    with pytest.raises(WarheadError, match="group: 4 is not a list"):
        warhead_from_toml("group = 4")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("dev-{index}", "dev-{index}", "dev-0"),
        ("dev-{index}", "dev-1{index}", "dev-10"),
        ("a{index}", "b{index}", None),
        ("x{index}a", "x{index}b", None),
        ("{index}", "1{index}", "10"),
        ("{group}-{index}", "{group}-{index}", None),
    ],
)
def test_client_ids_are_unique(one: str, other: str, same: str | None) -> None:
    text = "".join(f'[[group]]\nname = "g{n}"\nclients = 12\nclient_id = "{t}"\n' for n, t in enumerate((one, other)))
    text = f'attack.duration = "1s"\n{text}'
    if same is None:
        assert len(warhead_from_toml(text).groups) == 2
        return
    with pytest.raises(WarheadError, match=rf"group\[1\]\.client_id: '{same}' is a client of group g0 too"):
        warhead_from_toml(text)


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_payload_file_lies_beside_the_warhead(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text('attack.duration = 1\n[[group]]\nname = "g"\nclients = 1\npayload = "file:data/r.bin"\n')
    assert load_warhead(path).groups[0].payload == f"file:{tmp_path}/data/r.bin"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(WarheadError, match="no such file"):
        load_warhead(tmp_path / "missing.toml")
    with pytest.raises(WarheadError, match=str(tmp_path)):
        load_warhead(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WarheadError, match="not text in UTF-8"):
        load_warhead(tmp_path / "binary.toml")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(WarheadError, match="not TOML"):
        load_warhead(tmp_path / "deep.toml")
    (tmp_path / "wrong.toml").write_text("x = 1")
    with pytest.raises(WarheadError, match=rf"{tmp_path}/wrong.toml: x: unknown key"):
        load_warhead(tmp_path / "wrong.toml")


# --- and back ------------------------------------------------------------------------------------------------------

GROUPS = [
    METERS,
    'attack.duration = 1\n[[group]]\nname = "g"\nclients = 1\n',
    'attack.duration = "1h30m"\nattack.reconnect = "never"\nattack.source_addresses = "auto"\nattack.seed = 5\n'
    'attack.connect_rate = 0\nattack.drain = "1500us"\n[[group]]\nname = "g"\nclients = 1\nrate = "1/7"\n'
    'arrival = "jitter"\njitter = "1/3"\nramp = "2s"\nrate_ramp = "3ns"\nstart_after = "4m"\nretain = true\nsize = 10\n'
    'payload = "hex"\ninflight = 1\nkeepalive = 0\nclean_start = false\nclient_id = "{index:03d}"\nusername = "u"\n'
    'will = { topic = "w", qos = 2, retain = true }\n',
    'attack.duration = 1\nattack.source_addresses = ["127.0.0.2", "::1"]\nattack.reconnect = ["1s", "2s"]\n'
    '[[group]]\nname = "s"\nrole = "subscribe"\nclients = 2\nfilters = ["a", "b"]\nqos = 0\n'
    '[[group]]\nname = "b"\nrole = "both"\nclients = 2\ninterval = 0\nfilters = ["x/#"]\nheader = false\n'
    '[[group]]\nname = "c"\nrole = "connect"\nclients = 2\n'
    '[[group]]\nname = "f"\nclients = 2\npayload = "a:b"\nheader = true\nrate = 0.166\n'
    '[thresholds]\n"ack.p99" = ["< 1s", "> 0ms"]\n',
]


@pytest.mark.parametrize("text", GROUPS)
def test_what_is_written_reads_back(text: str) -> None:
    warhead = warhead_from_toml(text)
    assert warhead_from_toml(to_toml(warhead)) == warhead
    assert validated(to_table(warhead), key_path) == warhead
    assert pickle.loads(pickle.dumps(warhead)) == warhead
    assert hash(warhead.groups) == hash(warhead_from_toml(text).groups)


def test_passwords_are_not_written() -> None:
    warhead = group('username = "u"\npassword = "s3cret"')
    assert "s3cret" not in to_toml(warhead)
    assert "s3cret" not in repr(warhead)
    assert to_toml(warhead).startswith("# Passwords, keys and headers are not written")
    assert to_table(warhead)["group"][0]["password"] == "s3cret"
    assert warhead_from_toml(to_toml(warhead)).groups[0].username == "u"


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ("rate = '1/6'\nsize = 500", "2 clients · 500 B · QoS 1 · every 6 s · 1 s"),
        ("rate = 7\nsize = '100-900'\nqos = 0", "2 clients · 100-900 B · QoS 0 · 7 msg/s each · 1 s"),
        ("interval = 0\ninflight = 5", "2 clients · 100 B · QoS 1 · as fast as a window of 5 allows · 1 s"),
        ("interval = 0\nqos = 0", "2 clients · 100 B · QoS 0 · as fast as possible · 1 s"),
        ("messages = 1000", "2 clients · 100 B · QoS 1 · every 1 s · 1,000 messages each · 1 s"),
        ("messages = 1", "2 clients · 100 B · QoS 1 · every 1 s · 1 message each · 1 s"),
        ("payload = 'file:x'", "2 clients · file:x · QoS 1 · every 1 s · 1 s"),
        ("role = 'subscribe'", "2 subscribers · 1 s"),
        ("role = 'connect'", "2 clients · 1 s"),
        (
            "[[group]]\nname='s'\nrole='subscribe'\nclients=1",
            "2 clients + 1 subscriber · 100 B · QoS 1 · every 1 s · 1 s",
        ),
        ("[[group]]\nname='h'\nclients=6000\ninterval=6", "6,002 clients · 2 publishing groups · 1,002 msg/s · 1 s"),
        ("[[group]]\nname='h'\nclients=1\ninterval=0", "3 clients · 2 publishing groups · as fast as possible · 1 s"),
    ],
)
def test_in_one_line(lines: str, line: str) -> None:
    assert describe(group(lines)) == line


# --- anything ------------------------------------------------------------------------------------------------------

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.integers(-5, 70000), st.floats(), st.booleans(), st.text(max_size=8), st.dates(), st.lists(st.text(max_size=3)),
    st.sampled_from(["1/6", "6s", "publish", "both", "file:x", "{client}", "{", "10~3", "auto", "never", "< 5ms"]),
    st.dictionaries(st.sampled_from([*KEYS["will"], "ack", "p99"]), st.integers(0, 3), max_size=2),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(KEYS["group"] | {"x"})), VALUES, max_size=4),
    st.dictionaries(st.sampled_from(sorted(KEYS["attack"] | {"x"})), VALUES, max_size=2),
    VALUES,
)
def test_any_values_are_read_or_refused(one: dict[str, Any], attack: dict[str, Any], thresholds: Any) -> None:
    table = {
        "group": [{"name": "g", "clients": 2} | one],
        "attack": {"duration": 1} | attack,
        "thresholds": thresholds if isinstance(thresholds, dict) else {},
    }
    try:
        warhead = validated(table, key_path)
    except WarheadError:
        return
    assert warhead_from_toml(to_toml(warhead)).groups[0].topic == warhead.groups[0].topic


def test_an_option_says_when_to_end_where_the_file_does_not(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text('[[group]]\nname = "g"\nclients = 1\n')
    assert load_warhead(path, "2s").attack.duration_ns == 2_000_000_000
    path.write_text('[attack]\nduration = "5s"\n[[group]]\nname = "g"\nclients = 1\n')
    assert load_warhead(path, "2s").attack.duration_ns == 5_000_000_000  # override() lets the option win
