"""Levels and variants, what was not run, and clean starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.records.campaign_records import CampaignPart, PartState
from malaria.records.search_goal import TrialLoad
from malaria.report.shown_levels import by_level, clean_start, common_load, names_apart, not_shown, shown_parts
from synthetic import by_directory, make_campaign, make_run, with_meta

RUN = make_run(seconds=2, workers=1, clients=60)


def test_variants_stand_beside_their_level() -> None:
    runs = [RUN] * 4
    campaign = make_campaign(runs)
    levels = (1, 2, 2, 3)
    parts = [replace(part, level=n, variant="QoS 0" if k == 2 else "") for k, (part, n) in
             enumerate(zip(campaign.parts, levels, strict=True))]  # fmt: skip
    shown = shown_parts(replace(campaign, parts=tuple(parts)), by_directory(runs))
    assert [one.anchor for one in shown] == ["level-1", "level-2", "level-2-1", "level-3"]
    assert [one.suffix for one in shown] == ["-1", "-2", "-2-1", "-3"]
    assert [len(level) for level in by_level(shown)] == [1, 2, 1]
    assert [one.name for one in shown][2] == "meters · QoS 0"
    assert [one.is_plain for one in shown] == [True, True, False, True]


def test_a_campaign_says_what_the_loads_of_its_levels_have_in_common() -> None:
    loads = ("100 clients · 100 B · QoS 1 · every 1 s", "400 clients · 100 B · QoS 1 · every 2 s")
    runs = [with_meta(RUN, load=load) for load in loads]
    shown = shown_parts(make_campaign(runs), by_directory(runs))
    assert common_load(shown) == "100 B · QoS 1"
    assert common_load(shown[:1]) == loads[0]
    assert common_load([]) == ""


def test_runs_of_one_name_are_numbered() -> None:
    runs = [RUN] * 3
    campaign = make_campaign(runs)
    names = ("500 msg/s", "900 msg/s", "900 msg/s")
    trial = TrialLoad(900, 3.0)
    parts = [replace(part, title=name, trial=trial) for part, name in zip(campaign.parts, names, strict=True)]
    shown = shown_parts(replace(campaign, parts=tuple(parts)), by_directory(runs))
    assert list(names_apart(shown).values()) == ["500 msg/s", "900 msg/s, hold 1 of 2", "900 msg/s, hold 2 of 2"]


def test_what_was_not_run_says_why() -> None:
    campaign = replace(
        make_campaign([RUN]),
        parts=(
            CampaignPart(1, "500 clients", "", 500, why="mosquitto ended at once"),
            CampaignPart(2, "1,000 clients", "", 1000, state=PartState.RUNNING, directory="level-2"),
            CampaignPart(3, "2,000 clients", "QoS 0", 2000),
        ),
        ended="interrupted",
        left_out=("4,000 clients: --levels does not name it",),
    )
    assert not_shown(campaign, {}) == [
        ("500 clients", "not run: mosquitto ended at once"),
        ("1,000 clients", "still running, or cut off"),
        ("2,000 clients · QoS 0", "not run: interrupted"),
        ("", "4,000 clients: --levels does not name it"),
    ]


@pytest.mark.parametrize(
    ("clean", "reason", "words"),
    [
        (True, "started for this level", "A clean start: started for this level."),
        (False, "running since 1,000 clients", "Not a clean start: running since 1,000 clients."),
        (None, "it is not ours", "It is not known if this was a clean start: it is not ours."),
        (None, "", ""),
    ],
)  # fmt: skip
def test_whether_it_was_a_clean_start(clean: bool | None, reason: str, words: str) -> None:
    assert clean_start(CampaignPart(1, "", "", 0, clean=clean, clean_reason=reason)) == words
