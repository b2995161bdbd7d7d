"""Options that make a warhead, and options that change one."""

from __future__ import annotations

from fractions import Fraction

import pytest

from malaria.errors import WarheadError
from malaria.model.attack_table import Attack
from malaria.model.group import Group
from malaria.model.group_keys import Role, WillTable
from malaria.model.option_table import LoadOptions
from malaria.model.threshold import Threshold
from malaria.model.warhead import KEYS as FILE_KEYS
from malaria.model.warhead import Warhead, to_toml, warhead_from_toml
from malaria.model.warhead_options import FLAGS, build_warhead, override

FILE = warhead_from_toml(
    """
attack.duration = "10m"
[[group]]
name = "meters"
clients = 3000
rate = "1/6"
size = 500
header = false
[[group]]
name = "pumps"
clients = 5
arrival = "jitter"
jitter = 0.1
payload = "hex"
[[group]]
name = "backend"
role = "subscribe"
clients = 1
filters = ["malaria/#", "alarm/#"]
[thresholds]
"messages.lost" = "== 0"
""",
)


def test_the_first_try_has_a_subscriber() -> None:
    publishers, subscribers = (warhead := build_warhead(LoadOptions(), subscriber=True)).groups
    assert (publishers.name, publishers.clients, publishers.interval, publishers.qos) == ("publishers", 10, 1, 1)
    assert (subscribers.name, subscribers.clients, subscribers.filters) == ("subscribers", 1, ("malaria/+/data",))
    assert warhead.attack.duration_ns == 30 * 10**9


@pytest.mark.parametrize(
    ("topic", "filter_"),
    [("a/{client}/{seq}", "a/+/+"), ("a", "a"), ("a/x{index:03d}/b", "a/+/b"), ("{{a}}/{group}", "{{a}}/+")],
)
def test_the_subscriber_hears_every_topic(topic: str, filter_: str) -> None:
    subscriber = build_warhead(LoadOptions(topic=topic, qos=2), subscriber=True).groups[1]
    assert (subscriber.filters, subscriber.qos) == ((filter_,), 2)


@pytest.mark.parametrize(
    ("topic", "client_id", "filters"),
    [
        ("$test/{client}", None, ("$test/+",)),
        ("$test{run}/{client}", None, ("$test{run}/+",)),
        ("$test{index:02d}/x/{seq}", None, ("$test00/x/+", "$test01/x/+", "$test02/x/+")),
        ("${client}", "d{index}", ("$d0", "$d1", "$d2")),
        ("{client}/x", "$d-{run}-{index}", ("$d-{run}-0/x", "$d-{run}-1/x", "$d-{run}-2/x")),
        ("${group}/{index}", None, ("$publishers/+",)),
    ],
)
def test_the_subscriber_hears_topics_that_no_wildcard_matches(
    topic: str, client_id: str | None, filters: tuple[str, ...]
) -> None:
    chosen = {} if client_id is None else {"client_id": client_id}
    options = LoadOptions(topic=topic, clients=2, surge=("1@1s",), duration="9s", **chosen)
    assert build_warhead(options, subscriber=True).groups[1].filters == filters


@pytest.mark.parametrize(("topic", "clients"), [("${seq}/x", 2), ("${index}/x", 10_001)])
def test_topics_that_no_subscriber_can_hear_are_refused(topic: str, clients: int) -> None:
    with pytest.raises(WarheadError, match="no wildcard matches"):
        build_warhead(LoadOptions(topic=topic, clients=clients), subscriber=True)
    assert build_warhead(LoadOptions(topic=topic, clients=clients)).groups[0].topic == topic


@pytest.mark.parametrize(
    ("role", "name", "clients"),
    [(Role.PUBLISH, "publishers", 10), (Role.SUBSCRIBE, "subscribers", 1), (Role.CONNECT, "clients", 10)],
)
def test_one_role_alone(role: Role, name: str, clients: int) -> None:
    (group,) = build_warhead(LoadOptions(), role).groups
    assert (group.name, group.role, group.clients) == (name, role, clients)


def test_messages_end_an_attack_without_a_duration() -> None:
    assert build_warhead(LoadOptions(messages=5)).attack.duration_ns is None
    assert build_warhead(LoadOptions(messages=5, duration="2s")).attack.duration_ns == 2 * 10**9


EVERYTHING = LoadOptions(
    group="meters", clients=7, interval="2s", rate="3", arrival="poisson", ramp="1s", rate_ramp="2s", qos=2,
    retain=True, size="900", payload="zero", messages=9, topic=["x/{index}"], inflight=3, keepalive="30",
    keep_session=True, client_id="c{index}", will_topic="w", will_payload="gone", will_qos=1, will_retain=True,
    duration="5s", warmup="1s", drain="2s", connect_rate="50", connects_in_progress=8, connect_timeout="3s", seed=4,
    source_address=("127.0.0.2,127.0.0.3", "::1"), protocol="3.1.1", fail_if=("ack.p99 > 1s",),
)  # fmt: skip


def changed_by(warhead: Warhead) -> tuple[Group, Attack]:
    return warhead.groups[0], warhead.attack


@pytest.mark.parametrize("other", ["interval", "rate"])
def test_every_option_reaches_its_key(other: str) -> None:
    options = LoadOptions(**dict(EVERYTHING) | {other: None})
    built, attack = changed_by(build_warhead(LoadOptions(**dict(options) | {"group": None})))
    assert built.model_copy(update={"name": "meters"}) == override(FILE, options).groups[0]
    assert attack == override(FILE, options).attack
    assert (built.arrival, built.size, built.topic, built.messages) == ("poisson", "900", "x/{index}", 9)
    assert built.interval == (Fraction(1, 3) if other == "interval" else 2)
    assert (built.qos, built.retain, built.inflight, built.keepalive, built.clean_start) == (2, True, 3, 30, False)
    assert (built.ramp_ns, built.rate_ramp_ns, built.client_id) == (10**9, 2 * 10**9, "c{index}")
    assert built.will == WillTable(topic="w", payload="gone", qos=1, retain=True)
    assert attack.source_addresses == ("127.0.0.2", "127.0.0.3", "::1")
    assert (attack.warmup_ns, attack.drain_ns, attack.connect_rate, attack.seed) == (10**9, 2 * 10**9, 50, 4)
    assert build_warhead(LoadOptions(fail_if=EVERYTHING["fail_if"])).thresholds == (Threshold("ack.p99", "<=", 1000.0),)


def test_options_change_all_publishing_groups() -> None:
    changed = override(FILE, LoadOptions(qos=2, clients=9))
    assert [(g.qos, g.clients) for g in changed.groups] == [(2, 9), (2, 9), (1, 1)]
    assert changed.groups[0].header is False


def test_options_change_the_named_group() -> None:
    changed = override(FILE, LoadOptions(group="backend", qos=0, topic="other/#"))
    assert changed.groups[:2] == FILE.groups[:2]
    assert (changed.groups[2].qos, changed.groups[2].filters) == (0, ("other/#",))
    with pytest.raises(WarheadError, match=r"--group pump: m\.toml has no such group") as caught:
        override(FILE, LoadOptions(group="pump"), "m.toml")
    assert caught.value.remedy == "it has meters, pumps, backend"


def test_without_publishers_options_change_all_groups() -> None:
    idle = build_warhead(LoadOptions(), Role.CONNECT)
    assert override(idle, LoadOptions(clients=77)).groups[0].clients == 77


def test_what_an_option_replaces_is_gone() -> None:
    changed = override(FILE, LoadOptions(interval="0", payload="file:x", arrival="steady"))
    assert [g.interval for g in changed.publishing] == [0, 0]
    assert [g.size for g in changed.publishing] == ["100", "100"]
    assert override(FILE, LoadOptions(rate="2", group="pumps")).groups[1].interval == Fraction(1, 2)


def test_thresholds_add_up() -> None:
    assert [str(t) for t in override(FILE, LoadOptions(fail_if=("messages.lost > 5",))).thresholds] == [
        "messages.lost == 0",
        "messages.lost <= 5",
    ]


def test_nothing_said_changes_nothing() -> None:
    assert override(FILE, LoadOptions()) == FILE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (LoadOptions(rate="10k/m"), "-r/--rate: '10k/m' is not a rate"),
        (LoadOptions(rate="1", interval="1"), "-r/--rate: cannot be used with interval"),
        (LoadOptions(clients=0), "-c/--clients: 0 is too small"),
        (LoadOptions(topic="{x}"), "-t/--topic: {x} is not a placeholder"),
        (LoadOptions(will_qos=3, will_topic="w"), "--will-qos: 3 is too large"),
        (LoadOptions(will_topic="{seq}"), "--will-topic: {seq} is not a placeholder"),
        (LoadOptions(will_qos=1), "--will-topic: is missing"),
        (LoadOptions(duration="0"), "-d/--duration: must be longer than 0 s"),
        (LoadOptions(source_address=("auto", "::1")), "--source-address: 'auto' is not an IP address"),
        (LoadOptions(protocol="4"), "-V/--protocol: MQTT '4' is not supported"),
        (LoadOptions(fail_if=("ack.p99 = 5",)), "--fail-if: "),
        (LoadOptions(allow_stall="long"), "--allow-stall: "),
        (LoadOptions(client_id="same"), "--client-id: is the same for every client"),
    ],
)
def test_a_fault_names_the_option(options: LoadOptions, message: str) -> None:
    for make in (lambda: build_warhead(options), lambda: override(FILE, options, "m.toml")):
        with pytest.raises(WarheadError) as caught:
            make()
        assert message in caught.value.message
        assert caught.value.remedy


def test_a_fault_in_several_groups_is_one_fault_of_the_option() -> None:
    with pytest.raises(WarheadError) as caught:
        build_warhead(LoadOptions(qos=3), subscriber=True)
    assert caught.value.remedy == "write 2 or less"
    with pytest.raises(WarheadError) as caught:
        build_warhead(LoadOptions(qos=3, clients=0), subscriber=True)
    assert caught.value.message == "-c/--clients: 0 is too small"
    assert caught.value.remedy == "write 1 or more\n-q/--qos: 3 is too large; write 2 or less"


def test_a_fault_of_the_file_names_the_file() -> None:
    ramped = override(FILE, LoadOptions(group="pumps", rate_ramp="5s"))
    with pytest.raises(WarheadError, match=r"m\.toml: group\[1\]\.rate_ramp: an interval of 0"):
        override(ramped, LoadOptions(group="pumps", interval="0", arrival="steady"), "m.toml")


def test_a_group_is_chosen_from_a_file_alone() -> None:
    with pytest.raises(WarheadError, match="--group g: there is no warhead"):
        build_warhead(LoadOptions(group="g"))


def test_every_key_of_an_option_is_a_key_of_the_file() -> None:
    for table, key in FLAGS:
        assert key in FILE_KEYS[table]


def test_surges_of_the_command_line() -> None:
    built = build_warhead(LoadOptions(surge=("500@10s+5s", "20@1s")), subscriber=True)
    assert [(s.group, s.clients, s.at_ns, s.hold_ns) for s in built.surges] == [
        ("publishers", 500, 10 * 10**9, 5 * 10**9),
        ("publishers", 20, 10**9, None),
    ]
    more = override(built, LoadOptions(surge=("7@2s",)))
    assert [s.clients for s in more.surges] == [500, 20, 7]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (LoadOptions(surge=("5",)), "--surge: '5' is not a surge"),
        (LoadOptions(surge=("5@1x",)), "--surge: '1x' is not a duration"),
        (LoadOptions(surge=("5@31s",)), "--surge: the attack ends before: it lasts 30 s"),
    ],
)
def test_a_surge_that_cannot_be_names_its_option(options: LoadOptions, message: str) -> None:
    with pytest.raises(WarheadError) as caught:
        build_warhead(options)
    assert message in caught.value.message


def test_a_header_is_a_name_and_a_value() -> None:
    assert build_warhead(LoadOptions(header=("X-A: b: c",))).target.headers == (("X-A", "b: c"),)
    with pytest.raises(WarheadError, match="--header: 'nonsense' is not a header"):
        build_warhead(LoadOptions(header=("nonsense",)))


def test_a_surge_of_the_file_and_one_of_the_command_line_are_told_apart() -> None:
    file = build_warhead(LoadOptions(surge=("5@20s",)))
    with pytest.raises(WarheadError, match=r"f\.toml: surge\[0\]\.at: the attack ends before"):
        override(file, LoadOptions(duration="10s"), "f.toml")
    with pytest.raises(WarheadError, match=r"^--surge: the attack ends before"):
        override(file, LoadOptions(surge=("5@40s",)), "f.toml")


def test_a_surge_adds_to_one_group() -> None:
    groups = [{"name": name, "clients": 1, "messages": 1} for name in ("a", "b")]
    two = Warhead.model_validate({"group": groups})
    with pytest.raises(WarheadError, match="several groups that clients could be added to: a, b"):
        override(two, LoadOptions(surge=("5@1s",)))
    assert override(two, LoadOptions(surge=("5@1s",), group="b")).surges[0].group == "b"


def test_several_topics_are_filters() -> None:
    several = LoadOptions(topic=["a/#", "b/+"])
    assert build_warhead(several, Role.SUBSCRIBE).groups[0].filters == ("a/#", "b/+")
    assert override(FILE, LoadOptions(**several, group="backend")).groups[2].filters == ("a/#", "b/+")
    with pytest.raises(WarheadError, match=r"-t/--topic: filter 'b\+'"):
        build_warhead(LoadOptions(topic=["a/#", "b+"]), Role.SUBSCRIBE)


def test_several_topics_are_dealt_to_the_publishers() -> None:
    warhead = build_warhead(LoadOptions(topic=["a/{index}", "b"], clients=5), subscriber=True)
    publishers, subscriber = warhead.groups
    assert publishers.topics == ("a/{index}", "b")
    assert [publishers.topic_at(index, "run", 0) for index in range(5)] == ["a/0", "b", "a/2", "b", "a/4"]
    assert subscriber.filters == ("a/+", "b")
    assert warhead_from_toml(to_toml(warhead)) == warhead
    file = override(FILE, LoadOptions(topic=["a", "b"], group="meters"))
    assert file.groups[0].topics == ("a", "b")
    assert override(file, LoadOptions(topic=["c"], group="meters")).groups[0].topics == ()
    with pytest.raises(WarheadError, match="-t/--topic: 2 topics for 1 client, and each client takes one") as caught:
        build_warhead(LoadOptions(topic=["a", "b"], clients=1))
    assert caught.value.remedy == "write clients = 2 or more, or fewer topics"
    with pytest.raises(WarheadError, match=r"-t/--topic: topic 'b/\+'"):
        build_warhead(LoadOptions(topic=["a", "b/+"]))


def test_headers_of_one_name_are_joined() -> None:
    options = LoadOptions(header=["X-Tag: a", "X-Tag: b", "Cookie: c=1", "Cookie: d=2"])
    assert dict(build_warhead(options).target.headers) == {"X-Tag": "a, b", "Cookie": "c=1; d=2"}


def test_an_allowed_stall_is_a_threshold() -> None:
    assert build_warhead(LoadOptions(allow_stall="5s")).thresholds == (Threshold("stalls.longest", "<=", 5000.0),)
    stated = warhead_from_toml(
        '[thresholds]\n"stalls.longest" = "<= 250ms"\n[[group]]\nname = "a"\nclients = 1\nmessages = 1\n', "x.toml"
    )
    assert [str(threshold) for threshold in stated.thresholds] == ["stalls.longest <= 250ms"]
