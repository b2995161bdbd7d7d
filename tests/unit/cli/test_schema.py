"""The JSON Schemas that are shipped are those of the models, take every example, and refuse what is broken."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from jsonschema.validators import validator_for

from malaria.analysis.summary_figures import Summary
from malaria.cli.main import main
from malaria.cli.schema import SCHEMAS, schema_text
from malaria.model.old_warhead import old_table

ROOT = Path(__file__).parents[3]
VALIDATORS = {name: Draft7Validator(SCHEMAS[name]()) for name in ("warhead", "campaign")}
BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)
DOCUMENTS = {"warhead": ("warhead.md", "ways-in.md"), "campaign": ("campaign.md",)}

FILES = [
    *(("warhead", path.name, path.read_text()) for path in sorted(ROOT.glob("examples/*.toml"))),
    *(("campaign", path.name, path.read_text()) for path in sorted(ROOT.glob("campaigns/*.toml"))),
    *(
        (kind, f"{name}-{number}", block)
        for kind, names in DOCUMENTS.items()
        for name in names
        for number, block in enumerate(BLOCK.findall((ROOT / "docs" / name).read_text()))
    ),
]
PUBLISHERS = {"name": "g", "clients": 1}
LEVELS = {"title": "t", "defaults": {"warhead": "w.toml"}, "level": [{"clients": 5}]}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_shipped_schema_is_that_of_the_models(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`malaria schema NAME > src/malaria/cli/schemas/NAME.json` writes it anew."""
    schema = json.loads(schema_text(name))
    validator_for(schema).check_schema(schema)
    assert (files("malaria.cli") / "schemas" / f"{name}.json").read_text() == schema_text(name)
    assert main(["schema", name]) == 0
    assert capsys.readouterr().out == schema_text(name)


def test_an_unknown_schema_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "warheads"]) == 2
    assert "write one of warhead, campaign, summary, json-lines" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "text"), [case[::2] for case in FILES], ids=[case[1] for case in FILES])
def test_what_is_shown_matches_its_schema(kind: str, text: str) -> None:
    VALIDATORS[kind].validate(tomllib.loads(text))


@pytest.mark.parametrize("path", sorted(ROOT.glob("warheads/*.wh")), ids=lambda path: path.stem)
def test_a_warhead_of_2013_matches(path: Path) -> None:
    VALIDATORS["warhead"].validate(old_table(path.read_text(), path.name))


@pytest.mark.parametrize("value", [6, 0.25, "6", "6s", "250ms", "1h 30m", ".5s", " 10m "])
def test_durations(value: object) -> None:
    VALIDATORS["warhead"].validate({"group": [PUBLISHERS | {"interval": value}]})


@pytest.mark.parametrize("value", [166, "1/6", "166/s", "10000/min", "1/6s", "0.166"])
def test_rates(value: object) -> None:
    VALIDATORS["warhead"].validate({"group": [PUBLISHERS | {"rate": value}]})


@pytest.mark.parametrize(
    "table",
    [
        {"grup": []},
        {"group": [{"clients": 1}]},
        {"group": [PUBLISHERS | {"rates": 1}]},
        {"group": [PUBLISHERS | {"rate": "10k/m"}]},
        {"group": [PUBLISHERS | {"interval": "6 parsecs"}]},
        {"group": [PUBLISHERS | {"interval": -1}]},
        {"group": [PUBLISHERS | {"size": "500~"}]},
        {"group": [PUBLISHERS | {"qos": 3}]},
        {"group": [PUBLISHERS | {"role": "talk"}]},
        {"group": [PUBLISHERS | {"retain": 1}]},
        {"group": [PUBLISHERS | {"payload": "noise"}]},
        {"group": [PUBLISHERS | {"will": {"payload": "gone"}}]},
        {"group": [PUBLISHERS | {"target": {"urls": "mqtt://a"}}]},
        {"attack": {"reconnect": ["1s"]}},
        {"attack": {"connect_rate": "fast"}},
        {"surge": [{"group": "g", "clients": 5}]},
        {"thresholds": {"ack.p99": "< 500"}},
        {"thresholds": {"ack.p100": "< 500ms"}},
        {"thresholds": {"ack": {"p99": "500ms"}}},
        {"thresholds": {"messages.lost": "== 0% of lost"}},
        {"thresholds": {"ack.p99": False}},
    ],
    ids=str,
)
def test_a_broken_warhead_is_refused(table: dict[str, Any]) -> None:
    assert not VALIDATORS["warhead"].is_valid(table)


def test_thresholds() -> None:
    conditions = {
        "ack.p99": ["< 1.5s", "> 250us"],
        "messages.lost": "== 0",
        "clients": {"dropped": "<= 1% of connected"},
    }
    VALIDATORS["warhead"].validate({"thresholds": conditions | {"rates.acked_per_s": ">= 98% of due"}})


@pytest.mark.parametrize(
    "change",
    [
        {"defaults": {"warhead": {"group": [PUBLISHERS]}}},
        {"level": [{"group": {"g": {"qos": 0}}, "attack": {"drain": "1s"}, "surge": [{"clients": 5, "at": "1s"}]}]},
        {"level": [{"thresholds": {"ack.p99": False}, "observe": {"sys": False, "perf": True}}]},
        {"observe": {"process": 4711, "host": "ssh://a@b", "prometheus": {"url": "http://b/metrics"}, "interval": 5}},
        {"observe": {"process": ":1883", "sys": {"username": "u"}, "perf": {"seconds": "10s"}}},
        {"broker": {"kind": "command", "command": "nanomq start", "persistence": ["a", "b"]}},
        {"broker": {"kind": "mosquitto", "listener": [{"kind": "psk", "psk_clients": 10}]}},
    ],
    ids=str,
)
def test_a_campaign_matches(change: dict[str, Any]) -> None:
    VALIDATORS["campaign"].validate(LEVELS | change)


@pytest.mark.parametrize(
    "change",
    [
        {"title": 5},
        {"level": []},
        {"levels": []},
        {"defaults": {}},
        {"level": [{"group": {"g": {"name": "h"}}}]},
        {"level": [{"group": {"g": {"rates": 1}}}]},
        {"level": [{"surge": [{"at": "soon"}]}]},
        {"level": [{"variant": [{"note": "nameless"}]}]},
        {"observe": {"prometheus": {"series": []}}},
        {"broker": {"kind": "kafka"}},
        {"broker": {"listener": [{"kind": "psk", "psk_client": 10}]}},
    ],
    ids=str,
)
def test_a_broken_campaign_is_refused(change: dict[str, Any]) -> None:
    assert not VALIDATORS["campaign"].is_valid(LEVELS | change)


def test_a_summary_matches() -> None:
    schema = SCHEMAS["summary"]()
    validator = validator_for(schema)(schema)
    validator.validate(Summary().as_json())
    assert not validator.is_valid(Summary().as_json() | {"extra": 1})
