"""Loads that are run several times: an attack, and the levels of a campaign."""

from __future__ import annotations

from pathlib import Path

from campaign_fakes import TEXT, Stage, names, request
from malaria.campaigns import RepeatOptions, conduct_campaign, repeat_request
from malaria.model.observe import Observe
from malaria.model.option_table import LoadOptions
from malaria.model.target import parse_target
from malaria.model.warhead_options import build_warhead
from page_text import page_text


def test_an_attack_several_times(tmp_path: Path) -> None:
    warhead = build_warhead(LoadOptions(clients=60, duration="10s"), subscriber=True)
    options = RepeatOptions(parse_target("127.0.0.1"), warhead, "meters", 3, Observe())
    made = repeat_request(options, "malaria attack 127.0.0.1 --repeat 3", tmp_path / "run", lambda clients: 1)
    stage = Stage(pages=True)
    outcome = conduct_campaign(made, stage, stage.interrupt, stage.tools)
    assert names(stage) == ["level-1", "level-1-repeat-2", "level-1-repeat-3"]
    assert {asked.warhead.attack.duration_ns for asked in stage.requests} == {10 * 10**9}
    assert outcome.summary.repeats is not None
    (repeats,) = outcome.summary.repeats
    assert (repeats.runs, repeats.unstable) == (3, ())
    page = page_text((tmp_path / "run/report.html").read_text())
    assert "every figure is within 10 % of its median" in page
    assert outcome.summary.as_json()["repeats"][0]["figures"]


def test_the_levels_of_a_campaign(tmp_path: Path) -> None:
    stage = Stage()
    conduct_campaign(request(tmp_path / "run", repeat="2", levels="5,7"), stage, stage.interrupt, stage.tools)
    # a drift hits level and variant alike
    assert names(stage)[:4] == ["level-1", "level-1-variant-1", "level-1-repeat-2", "level-1-variant-1-repeat-2"]
    assert names(stage)[4:] == ["level-2", "level-2-repeat-2"]


def test_one_level_of_a_file(tmp_path: Path) -> None:
    stage = Stage()
    text = TEXT.replace("clients = 9", "clients = 9\nrepeat = 3")
    outcome = conduct_campaign(request(tmp_path / "run", text), stage, stage.interrupt, stage.tools)
    assert outcome.summary.repeats is not None
    assert [(one.name, one.runs) for one in outcome.summary.repeats] == [("9 clients", 3)]
