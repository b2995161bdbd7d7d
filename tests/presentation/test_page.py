"""The page in a real browser: no error, no request, the figures of summary.json, readable from a phone to a wall."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from malaria.analysis.series import columns
from malaria.analysis.summary import summarize
from malaria.records.campaign_records import CampaignPart
from malaria.records.perf_profile import Profile, ProfileRow
from malaria.records.rows import GAP, Event, EventKind, Observation
from malaria.records.run import Run
from malaria.report.page.run_page import render_run_page
from malaria.units import format_count, format_ms
from synthetic import (
    HELD,
    by_directory,
    campaign_page,
    make_campaign,
    make_run,
    make_whole_campaign,
    observed,
    with_meta,
)
from web_pages import WatchedPage, chromium

HOSTILE = "</script><script>window.hurt=1</script><img src=x onerror='window.hurt=1'>\"'&amp;<!--"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


class Reader(WatchedPage):
    """Somebody who opens a page and notices everything that is wrong with it."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, dark: bool = False, hash_of: str = "") -> None:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
        super().__init__(page, path.as_uri() + hash_of, "file:")

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)


def written(tmp_path: Path, records: Run) -> tuple[Path, dict[str, Any]]:
    summary = summarize(records)
    path = tmp_path / "report.html"
    path.write_text(render_run_page(records, summary), encoding="utf-8")
    return path, summary


@pytest.mark.parametrize("trouble", [None, "falls-behind", "lost-worker", "generator-limit", "unfinished"])
def test_a_page_opens_without_error_or_request_and_says_what_the_summary_says(
    browser: Browser, tmp_path: Path, trouble: Any
) -> None:
    path, summary = written(tmp_path, make_run(trouble=trouble))
    reader = Reader(browser, path)
    assert reader.troubles == []
    text = reader.page.inner_text("main").replace("\N{NO-BREAK SPACE}", " ")
    assert summary["verdict"]["outcome"] in text
    for name in ("due", "sent", "acked"):
        assert format_count(summary["messages"][name]) in text
    p99 = summary["latency_ms"]["ack"]["p99"]
    assert (f"ack p99\n{format_ms(p99)}" if p99 is not None else "ack p99\n≥") in text
    assert "retained" not in text  # a counter of zero is not explained


def test_the_data_inside_the_page_is_the_summary(browser: Browser, tmp_path: Path) -> None:
    path, summary = written(tmp_path, make_run())
    reader = Reader(browser, path)
    assert json.loads(saved(reader, "summary.json")) == summary
    rows = list(csv.DictReader(io.StringIO(saved(reader, "series.csv"))))
    table = columns(make_run())
    assert len(rows) == len(table["t_s"])
    assert [float(row["ack_p99_ms"] or 0) for row in rows] == [value or 0 for value in table["ack_p99_ms"]]


def marked(records: Run) -> Run:
    """The same run with a mark five seconds after the load began."""
    return replace(records, events=(*records.events, Event(8 * 10**9, EventKind.SURGE, "+500 clients")))


MARK_SHARE = 8 / 35
"""The place of the mark on the time axis: 3 s of connecting, 30 s of load, 2 s after it."""


def saved(reader: Reader, name: str) -> str:
    with reader.page.expect_download() as download:
        reader.page.click(f"button[data-save='{name}']")
    return download.value.path().read_text()


@pytest.mark.parametrize(("width", "dark"), [(360, False), (360, True), (3840, False)])
def test_it_fits_every_screen(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    path, _ = written(tmp_path, make_run(trouble="falls-behind"))
    reader = Reader(browser, path, width, dark)
    assert reader.evaluate("document.documentElement.scrollWidth") <= width
    colour = reader.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (colour == "rgb(255, 255, 255)") is not dark
    assert reader.troubles == []


def test_the_verdict_and_the_first_chart_need_no_scrolling(browser: Browser, tmp_path: Path) -> None:
    path, _ = written(tmp_path, make_run())
    reader = Reader(browser, path)
    bottom = reader.evaluate("document.getElementById('overview').getBoundingClientRect().bottom")
    assert bottom <= 900


def test_words_from_outside_stay_words(browser: Browser, tmp_path: Path) -> None:
    records = with_meta(
        make_run(), title=HOSTILE, command=HOSTILE, target=HOSTILE, load=HOSTILE, warhead_toml=HOSTILE,
        broker={"version": HOSTILE}, environment={HOSTILE: HOSTILE}, connect_failures={HOSTILE: 3},
    )  # fmt: skip
    trouble = Event(5_000_000_000, EventKind.TROUBLE, HOSTILE, HOSTILE)
    records = Run(records.meta, records.samples, (*records.events, trouble), records.ledger)
    path, _ = written(tmp_path, records)
    reader = Reader(browser, path)
    assert reader.evaluate("window.hurt") is None
    assert reader.troubles == []
    assert HOSTILE in reader.page.inner_text("#command")


def test_the_cursor_is_one_for_all_charts_and_its_tooltip_has_names_and_units(browser: Browser, tmp_path: Path) -> None:
    path, _ = written(tmp_path, marked(observed(make_run(workers=8))))
    reader = Reader(browser, path)
    plots = reader.page.locator("#stack .u-over")
    for number in range(plots.count()):
        plots.nth(number).hover()
        lines = reader.page.locator("#stack .tip > *").all_inner_texts()
        assert 2 <= len(lines) <= 8
    plots.nth(1).hover()
    assert re.search(r"due 50\d/s", reader.page.inner_text("#stack .tip").replace("\n", " "))
    places = reader.evaluate(
        "[...document.querySelectorAll('#stack .u-cursor-x')].map(one => Math.round(one.getBoundingClientRect().left))"
    )
    assert len(places) == plots.count()
    (label,) = reader.page.locator("#stack .mark-strip span").all()
    assert label.inner_text() == "+500 clients"
    plots.nth(1).hover(position={"x": MARK_SHARE * (box := plots.nth(1).bounding_box() or {})["width"], "y": 9})
    assert abs((label.bounding_box() or {})["x"] - box["x"] - MARK_SHARE * box["width"]) <= 3
    assert "+500 clients" in reader.page.inner_text("#stack .tip")
    assert max(places) - min(places) <= 1


@pytest.mark.parametrize(("marks", "labels"), [(4, 4), (9, 6)])
def test_marks_that_have_no_room_are_counted_and_told(
    browser: Browser, tmp_path: Path, marks: int, labels: int
) -> None:
    """Marks a second apart, whose texts would lie over each other in one row."""
    texts = [f"+{100 + number} clients (by hand, browser)" for number in range(marks)]
    events = tuple(Event((8 + number) * 10**9, EventKind.SURGE, text) for number, text in enumerate(texts))
    records = make_run()
    path, _ = written(tmp_path, replace(records, events=(*records.events, *events)))
    reader = Reader(browser, path)
    strip = reader.page.locator("#overview .mark-strip")
    shown = strip.locator("span:not(.untold)").all_inner_texts()
    assert shown == texts[:labels]
    assert strip.locator(".untold").all_inner_texts() == (
        [f"{marks - labels} more: point at the dotted lines"] if marks > labels else []
    )
    over = reader.page.locator("#overview .u-over").first
    width = (over.bounding_box() or {})["width"]
    over.hover(position={"x": (8 + marks - 1) / 35 * width, "y": 9})
    assert texts[-1] in reader.page.inner_text("#overview .tip")


@pytest.mark.parametrize("width", [360, 700])
def test_no_title_or_legend_is_wider_than_its_chart(browser: Browser, tmp_path: Path, width: int) -> None:
    path, _ = written(tmp_path, make_run(seconds=6, workers=8, trouble="falls-behind"))
    reader = Reader(browser, path, width)
    wide = "[...document.querySelectorAll('.panel-head')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert reader.evaluate(wide) == 0


def test_a_page_of_levels(browser: Browser, tmp_path: Path) -> None:
    runs = [make_run(clients=clients, trouble=trouble) for clients, trouble in ((500, None), (4000, "falls-behind"))]  # type: ignore[arg-type]
    path = tmp_path / "report.html"
    path.write_text(campaign_page(make_campaign(runs), by_directory(runs)), encoding="utf-8")
    reader = Reader(browser, path)
    assert reader.troubles == []
    assert reader.page.locator("details.level").count() == 2
    assert reader.page.locator("#levels .panel").count() >= 2


type Levels = dict[str, tuple[Run, dict[str, Any]]]


@pytest.fixture(scope="module")
def whole_campaign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Levels]:
    campaign, levels = make_whole_campaign()
    path = tmp_path_factory.mktemp("campaign") / "report.html"
    path.write_text(campaign_page(campaign, levels), encoding="utf-8")
    return path, levels


DEAD = "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.querySelector(a.getAttribute('href')))"
NAMELESS = "[...document.querySelectorAll('.chart, svg.flame')].filter(one => !one.getAttribute('aria-label'))"
HEADLESS = "[...document.querySelectorAll('table')].filter(table => !table.querySelector('th[scope]'))"


def test_the_page_of_a_campaign_has_the_figures_of_its_summaries_and_no_dead_link(
    browser: Browser, whole_campaign: tuple[Path, Levels]
) -> None:
    path, levels = whole_campaign
    reader = Reader(browser, path)
    assert reader.troubles == []
    text = reader.page.text_content("main") or ""
    for _, summary in levels.values():
        assert f"{summary['broker']['cpu_percent']:.0f} %" in text
        assert format_count(summary["messages"]["acked"]) in text
    assert [reader.evaluate(f"{wrong}.length") for wrong in (DEAD, NAMELESS, HEADLESS)] == [0, 0, 0]
    assert len(path.read_bytes()) < 1_000_000


def test_nine_levels_fit_three_screens_and_a_third_of_a_megabyte(browser: Browser, tmp_path: Path) -> None:
    runs = [observed(make_run(12, 1, 300 * number)) for number in range(1, 10)]
    runs = [with_meta(run, title=f"{300 * number:,} clients") for number, run in enumerate(runs, 1)]
    path = tmp_path / "report.html"
    path.write_text(campaign_page(make_campaign(runs), by_directory(runs)), encoding="utf-8")
    assert path.stat().st_size < 333_000
    reader = Reader(browser, path, width=1400)
    assert reader.evaluate("document.documentElement.scrollHeight") <= 3 * 900
    reader.evaluate("scrollTo(0, 1500)")
    assert reader.evaluate("document.querySelector('.contents').getBoundingClientRect().top") == 0, "contents stay"
    assert reader.troubles == []


def test_one_level_is_open_at_a_time_and_a_link_opens_it(browser: Browser, whole_campaign: tuple[Path, Levels]) -> None:
    reader = Reader(browser, whole_campaign[0])
    opened = "[...document.querySelectorAll('details.level[open]')].map(one => one.id)"
    assert reader.evaluate(opened) == []
    reader.page.click("table.levels a[href='#level-1']")
    reader.page.wait_for_selector("#stack-1 .panel")
    assert reader.evaluate(opened) == ["level-1"]
    assert reader.page.locator("#stack-1 .panel").count() == 10  # all but what waits in the generator: nothing did
    reader.page.click("#level-4 > summary")
    assert reader.evaluate(opened) == ["level-4"]
    linked = Reader(browser, whole_campaign[0], hash_of="#level-3")
    linked.page.wait_for_selector("#stack-3 .panel")
    assert linked.evaluate(opened) == ["level-3"]
    assert reader.troubles + linked.troubles == []


def test_the_table_of_levels_sorts_by_figures(browser: Browser, whole_campaign: tuple[Path, Levels]) -> None:
    reader = Reader(browser, whole_campaign[0])
    verdicts = lambda: reader.page.locator("#section-levels-table + .scroll tbody td:nth-child(2)").all_inner_texts()  # noqa: E731
    first = verdicts()
    button = reader.page.locator("#section-levels-table + .scroll thead button").nth(3)  # ack p99
    button.click()
    assert verdicts()[-1] == "FAIL"
    button.click()
    assert verdicts()[0] == "FAIL"
    assert reader.page.get_attribute("#section-levels-table + .scroll th[aria-sort]", "aria-sort") == "descending"
    assert reader.page.locator(".sorted .of").first.is_visible(), "a variant says of which level it is"
    button.click()
    assert verdicts() == first


def test_a_phone_shows_clients_verdict_p99_and_lost_first(
    browser: Browser, whole_campaign: tuple[Path, Levels]
) -> None:
    reader = Reader(browser, whole_campaign[0], 360)
    cells = "[...document.querySelectorAll('table.levels')][0].rows[{row}].cells"
    heads = reader.evaluate(f"[...{cells.format(row=0)}].slice(0, 5).map(cell => cell.innerText.trim())")
    assert heads == ["level", "verdict", "clients", "ack p99", "lost"]
    right = reader.evaluate(f"{cells.format(row=1)}[4].getBoundingClientRect().right")
    assert right <= 360


def test_a_definition_opens_where_the_figure_stands(browser: Browser, tmp_path: Path) -> None:
    path, _ = written(tmp_path, make_run())
    reader = Reader(browser, path)
    reader.page.click(".card a[href='#def-ack']")
    assert "From when a message was due to its acknowledgement" in reader.page.inner_text(".definition")
    gap = reader.evaluate(
        "document.querySelector('.definition').getBoundingClientRect().top"
        " - document.querySelector(\".card a[href='#def-ack']\").getBoundingClientRect().bottom"
    )
    assert 0 <= gap <= 20
    reader.page.keyboard.press("Escape")
    assert reader.page.locator(".definition").count() == 0


def test_the_page_of_a_campaign_fits_a_phone_at_night(browser: Browser, whole_campaign: tuple[Path, Levels]) -> None:
    reader = Reader(browser, whole_campaign[0], 360, dark=True)
    assert reader.evaluate("document.documentElement.scrollWidth") <= 360
    assert reader.troubles == []


def test_what_the_target_says_stays_words(browser: Browser, tmp_path: Path) -> None:
    records = observed(make_run(seconds=3, workers=1, clients=60))
    at_ns = 2_000_000_000
    rows = (
        Observation("sys", at_ns, {f"$SYS/{HOSTILE}": HOSTILE, "version": HOSTILE}),
        Observation("prometheus", at_ns, {HOSTILE: 3}),
        Observation("process", at_ns + 1, {GAP: HOSTILE}),
    )
    profile = Profile(2, (ProfileRow(100, 2, HOSTILE, HOSTILE, HOSTILE),), {f"{HOSTILE};{HOSTILE}": 2}, 0, 1, HOSTILE)
    told = [{"observer": HOSTILE, "about": HOSTILE, "samples": 0, "gaps": 1, "reason": HOSTILE}]
    records = replace(with_meta(records, observers=told, surges=[{}]), profile=profile,
                      observations=(*records.observations, *rows))  # fmt: skip
    campaign = make_campaign([records], HOSTILE)
    parts = (replace(campaign.parts[0], title=HOSTILE, note=HOSTILE, clean_reason=HOSTILE, command=HOSTILE),
             CampaignPart(2, HOSTILE, HOSTILE, 1, why=HOSTILE))  # fmt: skip
    words = {
        "note": HOSTILE,
        "command": HOSTILE,
        "file": HOSTILE,
        "ended": HOSTILE,
        "source": HOSTILE,
        "left_out": (HOSTILE,),
    }
    hostile = replace(campaign, parts=parts, broker={"settings": HOSTILE, "kind": HOSTILE}, options={HOSTILE: HOSTILE},
                      **words)  # type: ignore[arg-type]  # fmt: skip
    levels = by_directory([records])
    run, summary = levels["level-1"]
    levels["level-1"] = run, replace(summary, surges=(replace(HELD, group=HOSTILE, reasons=(HOSTILE,)),))
    path = tmp_path / "report.html"
    path.write_text(campaign_page(hostile, levels), encoding="utf-8")
    reader = Reader(browser, path)
    assert reader.evaluate("window.hurt") is None
    assert reader.troubles == []


@pytest.mark.parametrize("kept", ["nothing", "no end"])
def test_a_run_that_was_killed_has_a_page_all_the_same(browser: Browser, tmp_path: Path, kept: str) -> None:
    whole = make_run()
    meta = with_meta(whole, measure_end_ns=None, end_ns=None).meta
    samples = () if kept == "nothing" else whole.samples[:20]
    path, _ = written(tmp_path, Run(meta, samples, (), None))
    reader = Reader(browser, path)
    assert reader.troubles == []
    assert "UNKNOWN" in reader.page.inner_text("main")


def test_every_link_leads_somewhere(browser: Browser, tmp_path: Path) -> None:
    path, _ = written(tmp_path, make_run(trouble="falls-behind"))
    reader = Reader(browser, path)
    dead = (
        "[...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.querySelector(a.getAttribute('href')))"
    )
    assert reader.evaluate(f"{dead}.length") == 0


def test_the_button_copies_the_command(browser: Browser, tmp_path: Path) -> None:
    path, _ = written(tmp_path, make_run())
    reader = Reader(browser, path)
    reader.page.click("button[data-copy=command]")
    assert reader.evaluate("getSelection().toString().trim()") == make_run().meta.command
    assert reader.page.inner_text("button[data-copy=command]") == "copied"


def test_paper_has_every_level_open_and_no_figure_cut_in_two(
    browser: Browser, whole_campaign: tuple[Path, Levels]
) -> None:
    reader = Reader(browser, whole_campaign[0], width=718)
    reader.page.emulate_media(media="print")
    reader.evaluate("dispatchEvent(new Event('beforeprint'))")
    closed = "document.querySelectorAll('details.level:not([open])').length"
    assert reader.evaluate(closed) == 0
    assert (
        reader.evaluate("[...document.querySelectorAll('.chart')].filter(one => !one.querySelector('canvas')).length")
        == 0
    )
    whole = "[...document.querySelectorAll('.panel')].every(one => getComputedStyle(one).breakInside === 'avoid')"
    assert reader.evaluate(whole) is True
    reader.evaluate("dispatchEvent(new Event('afterprint'))")
    assert reader.evaluate(closed) > 0
    assert reader.troubles == []


def test_paper_is_white_and_wide_enough_also_at_night(browser: Browser, tmp_path: Path) -> None:
    path, _ = written(tmp_path, make_run())
    reader = Reader(browser, path, width=718, dark=True)
    reader.page.emulate_media(media="print", color_scheme="dark")
    reader.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert reader.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert reader.evaluate("document.documentElement.scrollWidth") <= 718
    reader.evaluate("dispatchEvent(new Event('afterprint'))")
    assert reader.evaluate("document.documentElement.classList.contains('paper')") is False
    assert reader.troubles == []


@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_of_levels_fits_too(browser: Browser, tmp_path: Path, width: int) -> None:
    records = with_meta(make_run(trouble="falls-behind"), title=HOSTILE)
    path = tmp_path / "report.html"
    page = campaign_page(make_campaign([records] * 2, HOSTILE), by_directory([records] * 2))
    path.write_text(page, encoding="utf-8")
    reader = Reader(browser, path, width)
    assert reader.evaluate("document.documentElement.scrollWidth") <= width
    assert reader.evaluate("window.hurt") is None
    assert reader.troubles == []
