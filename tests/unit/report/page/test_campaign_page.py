"""The contents of the page of a campaign lead to every section, in a row that has room on a screen."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from malaria.analysis.summary_figures import RepeatFigures
from malaria.report.page.campaign_page import render_campaign_page
from synthetic import by_directory, campaign_page, campaign_summary, make_campaign, make_run, with_meta


def contents(page: str) -> list[tuple[str, str]]:
    """Return the targets and the texts of the links."""
    (row,) = re.findall(r'<nav class="contents".*?</nav>', page, re.S)
    return re.findall(r'<a href="#([^"]+)"[^>]*>(?:<span[^>]*>)?([^<]+)<', row)


def sections(page: str) -> list[str]:
    """Return the ids of the sections outside the levels."""
    rest = re.sub(r'<details class="level".*?</summary>.*?(?=<details class="level"|<div class="halves">)', "", page,
                  flags=re.S)  # fmt: skip
    return re.findall(r'(?:<h2|<details class="section[^"]*") id="([^"]+)"', rest)


@pytest.mark.parametrize("levels", [2, 30])
def test_every_section_is_in_the_contents_in_its_order(levels: int) -> None:
    runs = [with_meta(make_run(3, 1, 60), title=f"{number} clients") for number in range(1, levels + 1)]
    page = campaign_page(make_campaign(runs), by_directory(runs))
    linked = [target for target, _ in contents(page)]
    found = sections(page)
    assert len(found) == 7
    assert [target for target in linked if target in found] == found
    assert set(linked) - set(found) == ({"level-1", "level-2"} if levels == 2 else set())
    assert all(f'id="{target}"' in page for target in linked)


def test_repeated_runs_are_in_the_contents() -> None:
    runs = [make_run(3, 1, 60)]
    campaign = make_campaign(runs)
    repeats = (RepeatFigures("60 clients", 2, (), (), ""),)
    summary = replace(campaign_summary(campaign, by_directory(runs)), repeats=repeats)
    page = render_campaign_page(campaign, by_directory(runs), summary)
    assert ("section-repeats", "Repeated runs") in contents(page)
    assert "section-repeats" in sections(page)
