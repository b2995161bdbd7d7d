"""Mutated files that a command reads, with a seed: success or an OperatorError, and what is printed is clean."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from fuzz_rounds import rounds
from malaria.campaigns.definition import campaign_from_toml, read_text
from malaria.campaigns.file_copy import campaign_copy
from malaria.campaigns.levels import Levels
from malaria.campaigns.overrides import overridden
from malaria.campaigns.resuming import resumed_request
from malaria.cli.main import main
from malaria.cli.output import print_error
from malaria.errors import OperatorError
from malaria.model.warhead import describe, load_warhead, to_toml, warhead_from_toml
from malaria.plan.credentials import find_certificates, part_of_file, read_keys, read_logins
from malaria.records.campaign_store import list_campaigns
from malaria.swarm.hosts.inventory import read_inventory, swarm_from_toml
from malaria.swarm.hosts.state import load_swarm

ROOT: Final = Path(__file__).parents[2]
DATA: Final = ROOT / "tests" / "data"
IN_EACH: Final = rounds(300)

CAMPAIGN: Final = """
title = "Meters"
note = "n"
on_fail = "stop"
[target]
url = "mqtts://user:secret@box:8883"
cafile = "ca.pem"
psk_identity = "x-{index}"
[target.headers]
X-Key = "1"
[broker]
kind = "mosquitto"
clean = "each-level"
[broker.settings]
max_queued_messages = 1000
[[broker.listener]]
kind = "psk"
psk_clients = 9
[[broker.listener]]
name = "ws"
kind = "plain"
websockets = true
[observe]
interval = "1s"
sys = true
process = { pid = 1 }
host = "ssh://box"
prometheus = "http://box:9464/metrics"
[defaults]
listener = "psk"
hold = "1m"
warhead = "meters.toml"
[[level]]
clients = 500
note = "one"
group.meters.rate = "1/6"
attack.drain = "3s"
[[level.surge]]
clients = 50
at = "10s"
hold = "20s"
[[level.variant]]
name = "QoS 0"
group.meters.qos = 0
[thresholds]
"ack.p99" = ["< 500ms", "> 0ms"]
"rates.acked_per_s" = ">= 98% of due"
"""
METERS: Final = """
[[group]]
name = "meters"
clients = 10
interval = "6s"
size = "500~25"
topic = "m/{client}/{seq}"
will = { topic = "w", payload = "x", qos = 1 }
user_properties = { a = ["b", "c"] }
protocol = "5"
[[group]]
name = "backend"
role = "subscribe"
clients = 1
topic = "m/+"
[[surge]]
group = "meters"
clients = 3
at = "5s"
[attack]
duration = "1m"
connect_rate = 100
[thresholds]
"ack.p99" = "< 1s"
"""
SWARM: Final = """
name = "eu"
[[bee]]
name = "bee-1"
host = "192.0.2.1"
user = "me"
port = 2222
directory = "~/malaria"
"""
TOML_VALUES: Final = (
    "1", "-1", "0", "1.5", "1e999", "-inf", "nan", "9" * 40, "true", "[]", "{}", '["a"]', "[[1]]", "[{}]", "{ a = 1 }",
    "1979-05-27", "07:32:00", "''", '"x"', r'"\u001b[31m"', '"\\u0000"', '"é☃"', '"' + "x" * 70_000 + '"', '"1/0"',
    '"{"', '"{index}{nope}"', '"1e9"', '"-5s"', '"mqtt://a b:99999/☃"', '"ssh://"', '"http://u:p@[::1"', "[1, 'a']",
)  # fmt: skip
NOISE: Final = "[]{}\"'=.,#\\\n\r\t\0\x1b\x9b\u202e\u2028é:@/%*?-0"


def mutated_text(random: Random, text: str) -> bytes:
    """Change values, keys, lines and bytes of a file."""
    lines = text.split("\n")
    for _ in range(random.choice((1, 1, 2, 4))):
        place = random.randrange(len(lines))
        key, equals, _ = lines[place].partition("=")
        match random.randrange(7):
            case 0 | 1 | 2 if equals:
                lines[place] = f"{key}= {random.choice(TOML_VALUES)}"
            case 3:
                lines.insert(place, lines[random.randrange(len(lines))])
            case 4:
                del lines[place]
                lines = lines or [""]
            case 5:
                at = random.randrange(len(lines[place]) + 1)
                lines[place] = lines[place][:at] + random.choice(NOISE) + lines[place][at + random.randrange(2) :]
            case _:
                lines[place] = f"{random.choice(TOML_VALUES)} = {random.choice(TOML_VALUES)}"
    raw = bytearray("\n".join(lines).encode())
    if random.random() < 0.2 and raw:
        raw[random.randrange(len(raw))] = random.randrange(256)
    return b"\xef\xbb\xbf" * (random.random() < 0.05) + bytes(raw)


def as_campaign(path: Path) -> None:
    text = read_text(path)
    campaign = campaign_from_toml(text, path.name, path.parent)
    assert Levels(campaign).planned
    campaign_from_toml(campaign_copy(text, path.parent), path.name, path.parent)
    overridden(campaign, {"hold": "5s", "target": "mqtt://other"})


def as_warhead(path: Path) -> None:
    warhead = load_warhead(path)
    describe(warhead)
    assert warhead_from_toml(to_toml(warhead), "again") == warhead


def as_keys(path: Path) -> None:
    list(read_keys(path))
    part_of_file(path)


def as_swarm(path: Path) -> None:
    load_swarm("eu")
    swarm_from_toml(path.read_text(encoding="utf-8", errors="surrogateescape"), str(path))


KINDS: Final[dict[str, tuple[str, str, Callable[[Path], object]]]] = {
    "campaign": ("c.toml", CAMPAIGN, as_campaign),
    "shipped campaign": ("s.toml", (ROOT / "campaigns/500bytes-6s.toml").read_text(), as_campaign),
    "warhead": ("w.toml", METERS, as_warhead),
    "warhead of MQTT 5": ("w5.toml", (ROOT / "examples/mqtt5.toml").read_text(), as_warhead),
    "old warhead": ("w.wh", (ROOT / "warheads/25x0.166mps--1000x500bytes.wh").read_text(), as_warhead),
    "keys": ("keys.psk", "".join(f"dev-{n}:{n:032x}\n" for n in range(5)), as_keys),
    "part of keys": ("keys.psk", "# part 1/4..1/2 of 20\ndev-1:00ff\ndev-2:00aa\n", as_keys),
    "logins": ("logins", "".join(f"user-{n}:pass=word {n}\n" for n in range(5)), read_logins),
    "logins as CSV": ("logins.csv", 'username,password,clientid\nu1,"p,1",c1\nu2,p2,c2\n', read_logins),
    "inventory": ("bees", "me@192.0.2.1:22\nme@[::1]\nbox # comment\n", read_inventory),
    "inventory of tables": ("bees.toml", SWARM, read_inventory),
    "swarm": ("swarms/eu.toml", SWARM, as_swarm),
    "certificates": ("client-0.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
                     lambda path: find_certificates(path.parent)),
}  # fmt: skip


def is_clean(text: str) -> bool:
    return all(char == "\n" or char.isprintable() for char in text)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "meters.toml").write_text(METERS)
    (tmp_path / "swarms").mkdir()
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_file_is_read_or_refused_in_words(place: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, text, read = KINDS[kind]
    failures: list[str] = []
    refused = 0
    for seed in range(IN_EACH):
        random = Random(f"{kind} {seed}")
        path = place / name
        path.write_bytes(mutated_text(random, text))
        try:
            read(path)
        except OperatorError as error:
            refused += 1
            print_error(error.message, error.remedy)
            printed = capsys.readouterr().err
            if not is_clean(printed):
                failures.append(f"seed {seed} prints {printed[:200]!r}")
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {str(error)[:200]}")
    assert failures == []
    assert refused or kind == "certificates"


def mutated_json(random: Random, value: Any) -> Any:
    """Return a JSON value with one part of it replaced."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        changed = dict(value)
        if random.random() < 0.1:
            del changed[key]
            return changed
        return changed | {key: mutated_json(random, value[key])}
    if isinstance(value, list) and value and random.random() < 0.85:
        place = random.randrange(len(value))
        return [*value[:place], mutated_json(random, value[place]), *value[place + 1 :]]
    return random.choice((None, True, -1, 2**70, 1.5, "", "\x1b[31mred\x07", "../..", "\ud800", [], {}, [[]], {"a": 1}))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["campaign.json", "summary.json", "campaign.toml", "level-1/summary.json"])
def test_a_mutated_directory_of_a_campaign_is_read_or_refused_in_words(
    place: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    directory = shutil.copytree(DATA / "campaign", place / "campaign")
    sound = (directory / name).read_text(encoding="utf-8")
    codes = set()
    for seed in range(rounds(60)):
        random = Random(f"{name} {seed}")
        if name.endswith(".json") and random.random() < 0.8:
            (directory / name).write_text(json.dumps(mutated_json(random, json.loads(sound))))
        else:
            (directory / name).write_bytes(mutated_text(random, sound))
        list_campaigns(place)
        codes.add(main(["runs", str(place)]))
        if seed % 20 == 0:  # a page takes a second
            codes.add(main(["report", str(directory), "-o", "page"]))
        try:
            resumed_request(directory, {}, lambda _: 1)
        except OperatorError as error:
            print_error(error.message, error.remedy)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err, seed
        assert is_clean(printed.err), seed
        assert is_clean(printed.out), seed
    assert codes <= {0, 2}
