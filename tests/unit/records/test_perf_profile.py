"""A recording of perf goes to a file and comes back; what is none is refused."""

from __future__ import annotations

import json

import pytest

from malaria.records.perf_profile import Profile, ProfileRow, profile_from_json

PROFILE = Profile(
    samples=3,
    rows=(
        ProfileRow(66.67, 2, "mosquitto", "libc.so.6", "malloc"),
        ProfileRow(33.33, 1, "mosquitto", "[kernel.kallsyms]", "poll"),
    ),
    stacks={"mosquitto;main;malloc": 2, "mosquitto;main;poll_[k]": 1},
    stacks_left_out=7,
    seconds=20.0,
    event="cpu-clock",
)


def test_there_and_back() -> None:
    assert profile_from_json(json.dumps(PROFILE.as_json())) == PROFILE


def test_what_an_older_version_left_out_is_not_known() -> None:
    kept = {key: value for key, value in PROFILE.as_json().items() if key in ("samples", "table", "stacks")}
    read = profile_from_json(json.dumps(kept))
    assert (read.samples, read.seconds, read.event, read.stacks_left_out) == (3, 0, "", 0)


@pytest.mark.parametrize(
    "change",
    [{"samples": -1}, {"samples": True}, {"samples": "3"}, {"seconds": "x"}, {"stacks": []}, {"stacks": {"a": 1.5}},
     {"table": [{}]}, {"table": None}, {"table": [{"percent": float("inf"), "samples": 1}]}],
)  # fmt: skip
def test_damage_is_one_error(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"Input|required|Error|Expecting"):
        profile_from_json(json.dumps(PROFILE.as_json() | change))


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "[" * 20_000])
def test_so_is_what_is_no_object(text: str) -> None:
    with pytest.raises(ValueError, match=r"Input|required|Error|Expecting"):
        profile_from_json(text)
