"""Whatever a run holds, its page can be rendered, and every link on it leads somewhere."""

from __future__ import annotations

import re
from dataclasses import replace

from malaria.analysis.summary import summarize
from malaria.records.campaign_records import CampaignPart
from malaria.records.run import Run
from malaria.report.page.run_page import render_run_page
from synthetic import by_directory, campaign_page, make_campaign, make_run, make_whole_campaign, with_meta

NO_UTF8 = "runs/caf\udce9"
"""How Python hands on a file name in Latin-1."""


def named_in_latin_1() -> Run:
    return with_meta(make_run(), title=NO_UTF8, command=f"malaria attack mqtt://broker -o {NO_UTF8}")


def test_a_file_name_that_is_not_utf8_is_spelled_out() -> None:
    records = named_in_latin_1()
    assert "-o runs/caf\\udce9" in render_run_page(records, summarize(records))


def test_so_it_is_on_a_page_of_levels() -> None:
    records = named_in_latin_1()
    assert "runs/caf\\udce9</h2>" in campaign_page(make_campaign([records]), by_directory([records]))


def test_a_level_that_was_not_run_says_why() -> None:
    runs = [make_run()]
    campaign = make_campaign(runs)
    missing = CampaignPart(2, "4,000 clients", "", 4000, why="mosquitto ended at once with exit code 3")
    page = campaign_page(replace(campaign, parts=(*campaign.parts, missing)), by_directory(runs))
    assert "4,000 clients: not run: mosquitto ended at once" in page


def test_a_campaign_of_which_nothing_was_run() -> None:
    missing = CampaignPart(1, "500 clients", "", 500, why="interrupted")
    page = campaign_page(replace(make_campaign([]), parts=(missing,)), {})
    assert "500 clients: not run: interrupted" in page


def test_every_link_leads_somewhere() -> None:
    campaign, levels = make_whole_campaign()
    records = make_run()
    for page in (campaign_page(campaign, levels), render_run_page(records, summarize(records))):
        body = page[page.index("<main>") : page.index("</main>")]
        links = set(re.findall(r'href="#([^"]*)"', body))
        assert links
        assert links <= set(re.findall(r'id="([^"]*)"', body))


def test_a_run_without_a_warhead_says_so() -> None:
    records = with_meta(make_run(seconds=2), warhead_toml=None)
    page = render_run_page(records, summarize(records))
    assert "<pre><code>unknown</code></pre>" in page
