"""Campaign files: what a level becomes, which faults are told where."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from malaria.campaigns.definition import Campaign, campaign_from_toml, load_campaign
from malaria.campaigns.file_tables import KEYS, OnFail
from malaria.errors import CampaignError, OperatorError, WarheadError
from malaria.model.warhead import describe

METERS = """
[[group]]
name = "meters"
clients = 10
interval = "6s"
size = 500
topic = "m/{client}"

[[group]]
name = "backend"
role = "subscribe"
clients = 1
topic = "m/+"

[thresholds]
"ack.p99" = ["< 1s", "> 0ms"]
"messages.lost" = "== 0"
"""
HEAD = 'title = "t"\n[target]\nurl = "mqtt://box"\n[defaults]\nhold = "1m"\nwarhead = "meters.toml"\n'
LISTENERS = '[[broker.listener]]\n[[broker.listener]]\nkind = "psk"\npsk_clients = 9\n'
OUR_HEAD = f'title = "t"\n[broker]\nkind = "mosquitto"\n{LISTENERS}[defaults]\nhold = "1m"\nwarhead = "meters.toml"\n'


@pytest.fixture
def read(tmp_path: Path) -> Any:
    (tmp_path / "meters.toml").write_text(METERS)

    def read(text: str, head: str = HEAD) -> Campaign:
        return campaign_from_toml(head + text, "c.toml", tmp_path)

    return read


def test_a_level_is_the_warhead_with_its_changes(read: Any) -> None:
    campaign = read('[[level]]\nclients = 500\n[[level]]\nclients = 1000\nhold = "2m"\nnote = "n"\n')
    assert [(level.title, level.clients, level.note) for level in campaign.levels] == [
        ("500 clients", 500, ""), ("1,000 clients", 1000, "n")]  # fmt: skip
    assert [describe(level.warhead) for level in campaign.levels] == [
        "500 clients + 1 subscriber · 500 B · QoS 1 · every 6 s · 1 min",
        "1,000 clients + 1 subscriber · 500 B · QoS 1 · every 6 s · 2 min",
    ]
    assert {level.warhead.target.url for level in campaign.levels} == {"mqtt://box"}
    assert (campaign.title, campaign.on_fail) == ("t", OnFail.CONTINUE)


def test_variants_are_the_level_with_their_changes(read: Any) -> None:
    (level,) = read(
        '[[level]]\nclients = 7\ngroup.meters.rate = "2"\nattack.drain = "3s"\n'
        '[[level.variant]]\nname = "QoS 0"\nnote = "why"\ngroup.meters.qos = 0\n'
        '[[level.variant]]\nname = "elsewhere"\n[level.variant.target]\nurl = "mqtts://other"\ncafile = "ca.pem"\n'
    ).levels
    base, qos_0, elsewhere = level.attacks
    assert [attack.name for attack in level.attacks] == ["", "QoS 0", "elsewhere"]
    assert [attack.warhead.groups[0].interval for attack in level.attacks] == [1 / 2] * 3  # rate in place of interval
    assert [attack.warhead.groups[0].qos for attack in level.attacks] == [1, 0, 1]
    assert {attack.warhead.attack.drain_ns for attack in level.attacks} == {3 * 10**9}
    assert (base.note, qos_0.note) == ("", "why")
    assert elsewhere.warhead.target.url == "mqtts://other"
    assert Path(elsewhere.warhead.target.cafile).is_absolute()


def test_a_target_without_a_url_changes_key_by_key(read: Any) -> None:
    head = HEAD.replace("[defaults]", 'username = "u"\n[defaults]')
    (level,) = read('[[level]]\n[[level.variant]]\nname = "v"\ntarget.insecure = true\n', head).levels
    target = level.attacks[1].warhead.target
    assert (target.url, target.username, target.insecure) == ("mqtt://box", "u", True)


def test_surges_are_of_the_group_that_publishes(read: Any) -> None:
    (level,) = read('[[level]]\nclients = 30\n[[level.surge]]\nclients = 5\nat = "10s"\nhold = "5s"\n').levels
    (surge,) = level.warhead.surges
    assert (surge.group, surge.clients, surge.at_ns, surge.hold_ns) == ("meters", 5, 10**10, 5 * 10**9)
    assert level.title == "30 clients, +5"


def test_thresholds_stand_in_place_of_those_on_the_same_figure(read: Any) -> None:
    first, second = read(
        '[[level]]\n[[level]]\nthresholds = { "messages.lost" = false, ack.p99 = "< 3s" }\n'
        '[thresholds]\n"ack.p99" = "< 2s"\n"rates.acked_per_s" = ">= 98% of due"\n'
    ).levels
    assert sorted(map(str, first.warhead.thresholds)) == [
        "ack.p99 < 2000ms", "messages.lost == 0", "rates.acked_per_s >= 98% of due"]  # fmt: skip
    assert sorted(map(str, second.warhead.thresholds)) == ["ack.p99 < 3000ms", "rates.acked_per_s >= 98% of due"]


def test_the_warhead_can_stand_in_the_file(tmp_path: Path) -> None:
    text = HEAD.replace('warhead = "meters.toml"', "") + METERS.replace("[[group", "[[defaults.warhead.group").replace(
        "[thresholds", "[defaults.warhead.thresholds"
    )
    (level,) = campaign_from_toml(f"{text}\n[[level]]\nclients = 3\n", "c", tmp_path).levels
    assert describe(level.warhead).startswith("3 clients + 1 subscriber")
    with pytest.raises(WarheadError, match=r"c: defaults\.warhead\.group\[0\]\.size"):
        campaign_from_toml(text.replace("size = 500", 'size = "big"') + "\n[[level]]\n", "c", tmp_path)


def test_the_warhead_can_be_one_of_2013(read: Any, tmp_path: Path) -> None:
    (tmp_path / "old.wh").write_text("malaria publish -P 5 -n 10 -T 1\n")
    (level,) = read("[[level]]\nclients = 8\n", HEAD.replace("meters.toml", "old.wh")).levels
    assert describe(level.warhead) == "8 clients · 100~5 B · QoS 1 · every 1 s · 10 messages each · 1 min"


def test_a_warhead_may_end_by_itself(read: Any, tmp_path: Path) -> None:
    (tmp_path / "meters.toml").write_text('[[group]]\nname = "a"\nclients = 1\nmessages = 3\n')
    (level,) = read("[[level]]\n", HEAD.replace('hold = "1m"', "")).levels
    assert level.warhead.attack.duration_ns is None


def test_levels_go_to_listeners_of_our_broker(read: Any) -> None:
    levels = '[[level]]\n[[level]]\nlistener = "psk"\n[[level.variant]]\nname="p"\nlistener="plain"\n'
    first, second = read(levels, OUR_HEAD).levels
    assert [attack.listener for attack in (*first.attacks, *second.attacks)] == [None, "psk", "plain"]
    assert first.warhead.target.url is None


def test_paths_are_seen_from_the_file(read: Any, tmp_path: Path) -> None:
    head = HEAD.replace('url = "mqtt://box"', 'url = "mqtts://box"\npsk_file = "keys"')
    broker = '[broker]\nkind = "mosquitto"\nconfig = "m.conf"\npersistence = ["a.db", "/b.db"]\n'
    campaign = read(f"[[level]]\n{broker}", head)
    assert campaign.levels[0].warhead.target.psk_file == str(tmp_path / "keys")
    assert (campaign.broker.config, campaign.broker.persistence) == (
        str(tmp_path / "m.conf"), (str(tmp_path / "a.db"), "/b.db"))  # fmt: skip
    there = read(f'[[level]]\n{broker}ssh = "box"\n'.replace("a.db", "/a.db"))
    assert there.broker.config == "m.conf"


def test_a_level_is_observed_as_all_are_and_as_it_says(read: Any, tmp_path: Path) -> None:
    first, second = read(
        '[[level]]\n[[level]]\nobserve = { perf = { at = "20s" }, host = "ssh://box" }\n'
        '[observe]\nsys = true\nhost = true\nssh_config = "ssh"\n'
    ).levels
    assert (first.observe.sys, first.observe.host, first.observe.perf) == (True, True, None)
    assert (second.observe.sys, str(second.observe.host), second.observe.perf.at_ns) == (True, "box", 20 * 10**9)
    assert second.observe.ssh_config == str(tmp_path / "ssh")
    assert not first.observe.is_stated("perf")
    assert second.observe.is_stated("perf")


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        ("", "c.toml: level: is missing", ""),
        ("level = 3", "c.toml: defaults.level: unknown key", "top of the file"),
        ("[[level]]\nclient = 5", "c.toml: level[0].client: unknown key", "did you mean clients?"),
        ("[[level]]\nqos = 5", "c.toml: level[0].qos: unknown key", "it belongs into [[group]]"),
        ("[[level]]\nclients = 0", "c.toml: level[0].clients: 0 is too small", "1 or more"),
        ("[[level]]\nhold = 0", "c.toml: level[0].hold", ""),
        ("[[level]]\nhold = 5\nattack.duration = 3", "c.toml: level[0].hold: cannot be used with attack.duration", ""),
        ("[[level]]\n[[level]]\ngroup.metres.qos = 0", "c.toml: level[1].group.metres: the warhead has no such group",
         "it has meters, backend"),
        ("[[level]]\ngroup.meters.qos = 3", "c.toml: level[0].group.meters.qos: 3 is too large", ""),
        ("[[level]]\ngroup.meters.qso = 3", "c.toml: level[0].group.meters.qso: unknown key", "did you mean qos?"),
        ("[[level]]\ngroup.meters.name = 'x'", "c.toml: level[0].group.meters.name: cannot be changed here", ""),
        ("[[level]]\ngroup = 3", "c.toml: level[0].group: is not a table of groups", ""),
        ("[[level]]\nattack.drain = 'x'", "c.toml: level[0].attack.drain: 'x' is not a duration", ""),
        ("[[level]]\n[[level.variant]]", "c.toml: level[0].variant[0].name: is missing", ""),
        ("[[level]]\n[[level.variant]]\nname = 'a'\n[[level.variant]]\nname = 'a'",
         "c.toml: level[0].variant[1].name: 'a' is used twice", ""),
        ("[[level]]\n[[level.variant]]\nname = 'a'\ngroup.meters.size = 'b'",
         "c.toml: level[0].variant[0].group.meters.size: 'b' is not a size", ""),
        ("[[level]]\n[[level.surge]]\nclients = 5\nat = '2m'", "c.toml: level[0].surge[0].at: the attack ends", ""),
        ("[[level]]\n[[level.change]]\ndo = 'pause'\nat = '2m'", "c.toml: level[0].change[0].at: the attack ends", ""),
        ("[[level]]\n[[level.change]]\ndo = 'more'\nat = '2s'", "c.toml: level[0].change[0].do: 'more' is not a", ""),
        ("[[level]]\n[[level.surge]]\nclients = 5", "c.toml: level[0].surge[0].at: is missing", ""),
        ("[[level]]\nlistener = 'psk'", "c.toml: level[0].listener: cannot be used with the url", ""),
        ("[[level]]\ntarget.psk = 'zz'\ntarget.psk_identity = 'a'", "c.toml: level[0].target.psk: is not a key", ""),
        ("[[level]]\n[thresholds]\nack.p77 = '< 1s'", 'c.toml: thresholds."ack.p77"', ""),
        ("[[level]]\nthresholds.lost = '< 1s'", "c.toml: level[0].thresholds.lost", ""),
        ("[[level]]\n[broker]\nkind = 'systemd'", "c.toml: broker.unit: is missing", ""),
        ("[[level]]\n[broker]\nkind = 'mosquitto'\nlisteners = 3", "c.toml: broker.listeners: unknown key",
         "did you mean listener?"),
        ("[[level]]\n[broker]\nkind = 'mosquitto'\n[[broker.listener]]\nkind = 'tls'",
         "c.toml: broker.listener[0].certificate: is missing", ""),
        ("[[level]]\n[broker]\nclean = 'often'", "c.toml: broker.clean: 'often' is not a valid clean", "each-level"),
        ("[[level]]\nobserve.perf.at = '1m'", "c.toml: level[0].observe.perf.at: the level is over", "before 1 min"),
        ("[[level]]\n[observe.perf]\nat = '1h'", "c.toml: observe.perf.at: the level is over by then", ""),
        ("[[level]]\n[observe]\nprocess = []", "c.toml: observe.process: [] is not a process", ""),
        ("[[level]]\nobserve.pref = true", "c.toml: level[0].observe.pref: unknown key", "did you mean perf?"),
        ("[[level]]\n[[level", "c.toml is not TOML", ""),
    ],
)  # fmt: skip
def test_faults_are_told_where_they_were_written(read: Any, text: str, place: str, remedy: str) -> None:
    with pytest.raises(OperatorError) as caught:
        read(text)
    assert place in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("head", "place"),
    [
        (HEAD.replace('url = "mqtt://box"', ""), "c.toml: level[0].target.url: is missing"),
        (HEAD.replace('hold = "1m"', ""), "c.toml: level[0].hold: is missing"),
        (HEAD.replace('warhead = "meters.toml"', ""), "c.toml: defaults.warhead: is missing"),
        (HEAD.replace('"meters.toml"', "3"), "c.toml: defaults.warhead: 3 is not a warhead"),
        (HEAD.replace("meters.toml", "none.toml"), "none.toml: no such file"),
        (HEAD.replace('"t"', '"a\\nb"'), "c.toml: title: "),
        (HEAD + "target.username = 'x'\n", "c.toml: defaults.target: cannot be in [defaults]"),
        (OUR_HEAD + "listener = 'tls'\n", "c.toml: level[0].listener: the broker has no listener 'tls'"),
    ],
)
def test_faults_above_the_levels(read: Any, head: str, place: str) -> None:
    with pytest.raises(OperatorError) as caught:
        read("[[level]]\n", head)
    assert place in caught.value.message
    assert caught.value.remedy


def test_all_faults_are_told_at_once_and_none_that_is_not_there(read: Any) -> None:
    with pytest.raises(OperatorError) as caught:
        read("[[level]]\nclients = 'many'\n[[level]]\nclient = 5\n")
    told = f"{caught.value.message}\n{caught.value.remedy}"
    assert "level[0].clients: 'many' is not a whole number" in told
    assert "level[1].client: unknown key; did you mean clients?" in told
    assert "is empty" not in told


def test_a_fault_of_the_warhead_is_told_there(read: Any, tmp_path: Path) -> None:
    (tmp_path / "meters.toml").write_text(METERS.replace("size = 500", 'size = "big"'))
    with pytest.raises(WarheadError, match=r"meters\.toml: group\[0\]\.size: 'big' is not a size"):
        read("[[level]]\n")


def test_whose_clients_must_be_clear(read: Any, tmp_path: Path) -> None:
    (tmp_path / "meters.toml").write_text(METERS.replace('role = "subscribe"', "").replace('"m/+"', '"n"'))
    with pytest.raises(CampaignError, match=r"level\[0\]\.clients: 2 groups publish") as caught:
        read("[[level]]\nclients = 5\n")
    assert caught.value.remedy == "write group.NAME.clients"
    assert read("[[level]]\ngroup.meters.clients = 5\n").levels[0].clients == 6


def test_secrets_are_in_no_error(read: Any) -> None:
    with pytest.raises(OperatorError) as caught:
        read("[[level]]\ntarget.password = 4711\n")
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff")])
def test_files_that_cannot_be_read(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "c.toml")
    with pytest.raises(CampaignError) as caught:
        load_campaign(tmp_path / "c.toml")
    assert caught.value.remedy


WORDS = ["clients", "group", "meters", "qos", "surge", "variant", "name", "target", "url", "thresholds", "ack.p99",
         "attack", "drain", "listener", "hold", "at", "kind", "broker"]  # fmt: skip
PLAIN = st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["meters", "5s", "psk"])
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=8,
)
KEYS_OF_A_LEVEL = ["clients", "group", "surge", "variant", "target", "thresholds", "attack", "hold", "listener",
                   "observe", "title", "note"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS_OF_A_LEVEL), VALUES, max_size=3))
def test_any_level_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, level: dict[str, Any]) -> None:
    directory = tmp_path_factory.getbasetemp()
    (directory / "meters.toml").write_text(METERS)
    text = HEAD + tomli_w.dumps({"level": [level]})
    with suppress(OperatorError):
        assert campaign_from_toml(text, "c.toml", directory).levels[0].attacks


# --- the one that is shipped, and the document -----------------------------------------------------------------------


ROOT = Path(__file__).parents[3]


def test_the_campaign_of_2013() -> None:
    campaign = load_campaign(ROOT / "campaigns" / "500bytes-6s.toml")
    assert [level.clients for level in campaign.levels] == [500, 1000, 2000, 2500, 3000, 3000, 4000]
    assert [attack.name for attack in campaign.levels[4].attacks] == ["", "QoS 0 publishers", "without TLS"]
    assert [surge.clients for surge in campaign.levels[5].warhead.surges] == [500, 1000]
    assert [level.title for level in campaign.levels if level.observe.perf] == ["3,000 clients"]
    for level in campaign.levels:
        meters, *listeners = level.warhead.groups
        assert (meters.interval, meters.size) == (6, "500~25")
        assert [group.qos for group in listeners] == [1, 0]
        assert level.note


def test_every_identity_of_it_is_one_clients_alone() -> None:
    campaign = load_campaign(ROOT / "campaigns" / "500bytes-6s.toml")
    (made,) = [listener.psk_clients for listener in campaign.broker.listeners if listener.psk_clients]
    for level in campaign.levels:
        taken: list[int] = []
        for group in level.warhead.groups:
            first = level.warhead.access_of(group).first_key
            taken += range(first, first + level.warhead.clients_of(group))
        assert len(taken) == len(set(taken))
        assert max(taken) < made


def test_the_document_shows_a_campaign() -> None:
    document = (ROOT / "docs" / "campaign.md").read_text()
    block = document.partition("```toml\n")[2].partition("```")[0]
    campaign = campaign_from_toml(block, "docs/campaign.md", ROOT / "docs")
    assert [level.title for level in campaign.levels] == ["500 clients", "3,000 clients, +500"]


def test_every_key_is_documented() -> None:
    document = (ROOT / "docs" / "campaign.md").read_text()
    for table in ("", "defaults", "level", "variant", "broker", "listener"):
        for key in KEYS[table]:
            assert f"`{key}`" in document or f"[{key}]" in document or f".{key}]" in document, key
