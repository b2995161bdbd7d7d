"""`campaign.json`: what goes in comes out, and whatever else is there gives a RunError."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from malaria.errors import RunError
from malaria.records.campaign_records import CampaignPart, CampaignRecords, PartState
from malaria.records.campaign_store import COPY, FILE, holds_campaign, open_campaign, write_campaign

RECORDS = CampaignRecords(
    title="Meters",
    note="two\nlines, and caf\udce9",
    file="meters.toml",
    command="malaria campaign meters.toml",
    started="2026-11-27T10:00:00+00:00",
    broker={"kind": "mosquitto", "name": "mosquitto", "version": None},
    parts=(
        CampaignPart(1, "500 clients", "", 500, "a note", "level-1", PartState.DONE, "", True, "started", "malaria a"),
        CampaignPart(1, "500 clients", "QoS 0", 500, state=PartState.NOT_RUN, why="its turn has not come"),
    ),
    options={"hold": "20s", "target": None},
    left_out=("level 1,000 clients (--levels)",),
)


def stored(directory: Path) -> dict[str, Any]:
    write_campaign(directory, RECORDS)
    values: dict[str, Any] = json.loads((directory / FILE).read_text())
    return values


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    assert not holds_campaign(tmp_path)
    write_campaign(tmp_path, RECORDS)
    write_campaign(tmp_path, RECORDS)
    assert holds_campaign(tmp_path)
    assert open_campaign(tmp_path) == RECORDS
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_its_file_lies_beside_and_is_read_with_it(tmp_path: Path) -> None:
    write_campaign(tmp_path, replace(RECORDS, source="is not written"))
    assert "is not written" not in (tmp_path / FILE).read_text()
    assert open_campaign(tmp_path).source == ""
    (tmp_path / COPY).write_bytes(b'title = "caf\xe9"\n')
    assert open_campaign(tmp_path).source == 'title = "caf\\xe9"\n'


def test_a_disk_that_takes_nothing_leaves_the_old_one(tmp_path: Path) -> None:
    write_campaign(tmp_path, RECORDS)
    (tmp_path / f"{FILE}.new").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_campaign(tmp_path, RECORDS)
    assert open_campaign(tmp_path) == RECORDS


def test_what_a_later_version_adds_is_of_no_concern(tmp_path: Path) -> None:
    values = stored(tmp_path)
    values["weather"] = "fair"
    values["parts"][0]["bees"] = 20
    (tmp_path / FILE).write_text(json.dumps(values))
    assert open_campaign(tmp_path) == RECORDS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("title", None), ("title", 3), ("command", []), ("broker", "mosquitto"), ("broker", {"name": 3}),
        ("options", {"hold": 20}), ("left_out", "all"), ("left_out", [1]), ("parts", {}), ("parts", [1]), ("parts", []),
        ("format", None), ("format", "1"), ("format", 0), ("format", True), ("ended", None),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be(tmp_path: Path, key: str, value: object) -> None:
    (tmp_path / FILE).write_text(json.dumps(stored(tmp_path) | {key: value}))
    with pytest.raises(RunError, match="cannot be read"):
        open_campaign(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("level", "1"), ("level", -1), ("level", True), ("clients", 0.5), ("state", "lost"), ("clean", "yes"),
        ("directory", "../elsewhere"), ("directory", "/etc"), ("directory", ".."), ("directory", ""), ("title", None),
    ],
)  # fmt: skip
def test_a_value_of_a_part_that_cannot_be(tmp_path: Path, key: str, value: object) -> None:
    values = stored(tmp_path)
    values["parts"][1][key] = value
    (tmp_path / FILE).write_text(json.dumps(values))
    with pytest.raises(RunError, match="cannot be read"):
        open_campaign(tmp_path)


@pytest.mark.parametrize("key", ["title", "parts", "broker", "format"])
def test_a_key_that_is_missing(tmp_path: Path, key: str) -> None:
    values = stored(tmp_path)
    del values[key]
    (tmp_path / FILE).write_text(json.dumps(values))
    with pytest.raises(RunError, match="cannot be read"):
        open_campaign(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "[" * 100_000, "\udcff"])
def test_what_is_no_object(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RunError, match="cannot be read"):
        open_campaign(tmp_path)


def test_a_newer_version_is_refused_with_both_numbers(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps(stored(tmp_path) | {"format": 7}))
    with pytest.raises(RunError, match="has format 7; this version of malaria reads up to 1") as caught:
        open_campaign(tmp_path)
    assert "newer malaria" in caught.value.remedy


def test_no_campaign_at_all(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no campaign"):
        open_campaign(tmp_path / "nowhere")
