"""The warheads of 2013: what their lines mean, and which cannot be meant."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malaria.errors import WarheadError
from malaria.model.old_warhead import is_old, old_table
from malaria.model.warhead import describe, load_warhead, validated

SEED = "malaria publish -p 8883 -b --psk_file keys.psk -P 150 -n 1000 -T 0.166 -s 500 -t -H %(malaria_target)s"
SHIPPED = sorted((Path(__file__).parents[3] / "warheads").glob("*.wh"))


def groups(*lines: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = old_table("\n".join(lines), "x.wh")["group"]
    return found


def test_the_line_of_the_page() -> None:
    table = old_table(f"# a comment\n; another\n\n{SEED}\n", "x.wh")
    assert table["target"] == {"psk_file": "keys.psk"}
    assert table["group"] == [
        {"name": "publishers", "clients": 150, "qos": 1, "messages": 1000, "size": "500~25", "rate": "83/500",
         "topic": "mqtt-malaria/{client}/data/{seq}/{messages}", "arrival": "jitter", "jitter": "0.1",
         "client_id": "{identity}"}
    ]  # fmt: skip


def test_what_they_did_without_being_told() -> None:
    assert groups("malaria publish") == [
        {"name": "publishers", "clients": 1, "qos": 1, "messages": 10, "size": "100~5", "interval": "0",
         "topic": "mqtt-malaria/{client}/data/{seq}/{messages}"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        ("--processes=3 --thread_ratio 4", "clients", 12),
        ("-q 0", "qos", 0),
        ("-c me{x}", "client_id", "me{{x}}-{index}"),
        ("-s 19", "size", 19),
        ("-T 0", "interval", "0"),
        ("--msgs_per_sec 5 --jitter 0", "rate", "5"),
    ],
)
def test_options(options: str, key: str, value: object) -> None:
    assert groups(f"malaria publish {options}")[0][key] == value


def test_lines_follow_each_other() -> None:
    first, second, third = groups(
        "./malaria publish -T 5 -n 1000", "sleep 4", "malaria publish -T 1", "malaria subscribe -q 0 -t a/# -N 20"
    )
    assert "start_after" not in first
    assert (second["name"], second["start_after"]) == ("publishers-2", "204s")
    assert third == {"name": "subscribers", "role": "subscribe", "clients": 1, "qos": 0, "topic": "a/#",
                     "start_after": "214s"}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("malaria publish -H box", "mqtt://box:1883"),
        ("malaria publish -H box -p 8883", "mqtts://box:8883"),
        ("malaria publish -H box --psk_file k", "mqtts://box:1883"),
    ],
)
def test_a_host_of_its_own(line: str, url: str) -> None:
    assert old_table(line, "x.wh")["target"]["url"] == url


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no command in it"),
        ("malaria publish -Z", "line 1: unrecognized arguments: -Z"),
        ("malaria publish -n many", "invalid number over 0 value"),
        ("malaria publish -P 0", "invalid number over 0 value"),
        ("malaria publish -q 3", "invalid choice"),
        ("malaria publish -T fast", "'fast' is not a number"),
        ("malaria publish -T 1e99999999", "is not a number"),
        ("malaria publish -T 99999999999", "is not a number"),
        ("malaria publish --jitter x -T 1", "'x' is not a number"),
        ("malaria publish -c 'open", "is not a command"),
        ("\nrm -rf /", "line 2: 'rm -rf /' is neither"),
        ("sleep soon", "is not a duration"),
        ("malaria publish\nsleep 4\nmalaria publish", "line 2: comes after a command whose end is not known"),
        ("malaria publish -T 1 -H a\nmalaria publish -H b", "goes to another target"),
    ],
)
def test_what_cannot_be_meant(text: str, message: str) -> None:
    with pytest.raises(WarheadError) as caught:
        old_table(text, "x.wh")
    assert message in caught.value.message
    assert caught.value.message.startswith("x.wh: ")
    assert caught.value.remedy


@given(st.lists(st.sampled_from([*SEED.split(), "-c", "-5", "'", "{", "\n", "sleep", "1h", "subscribe", "é", "-T"])))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    with suppress(WarheadError):
        validated(old_table(" ".join(words), "x"), lambda _: "x")


@pytest.mark.parametrize(
    ("name", "old"), [("a.wh", True), ("a.warhead", True), ("a.wh.nossl", True), ("a.toml", False)]
)
def test_old_ones_are_known_by_their_names(name: str, old: bool) -> None:
    assert is_old(name) is old


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_warheads_of_the_page(path: Path) -> None:
    clients = int(path.name.partition("x")[0])
    warhead = load_warhead(path)
    assert describe(warhead) == f"{clients} clients · 500~25 B · QoS 1 · 0.166 msg/s each · 1,000 messages each"


def test_all_six_are_there() -> None:
    assert sorted(int(path.name.partition("x")[0]) for path in SHIPPED) == [25, 50, 100, 125, 150, 200]


def test_files_are_seen_from_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "x.wh"
    path.write_text(SEED)
    assert load_warhead(path).target.psk_file == str(tmp_path / "keys.psk")
