"""The live page in a real browser, on a real broker: opened in the middle, clients added by a button, the report at the
end with the figures of summary.json; on a desk and on a phone, without an error or a request to anybody else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from malaria.broker import RunningBroker
from malaria.cli.attack_screen import EXIT_CODES
from malaria.units import format_count
from web_pages import WatchedPage, chromium

CLIENTS, ADDED = 30, 20
FEWEST_PANELS = 6

pytestmark = pytest.mark.browser


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


class Viewer(WatchedPage):
    """Somebody who opens the page of a run and notices everything that is wrong with it."""

    def __init__(self, browser: Browser, url: str, width: int, height: int) -> None:
        site = url.partition("/?")[0]
        context = browser.new_context(viewport={"width": width, "height": height}, service_workers="block")
        super().__init__(context.new_page(), url, f"{site}/")
        assert self.page.url == f"{site}/"  # the token has left the address

    def seconds_shown(self) -> int:
        """The rows that the page has."""
        return int(self.page.evaluate("known.columns.t_s?.length ?? 0"))

    @property
    def fits(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.fixture
def attack(mosquitto: RunningBroker, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """An attack that runs until it is told to end, the address of its page, and its directory."""
    directory = tmp_path / "run"
    words = ["attack", f"127.0.0.1:{mosquitto.port}", "-c", str(CLIENTS), "-I", "500ms", "-q", "1", "-d", "10m", "-t",
             "live/{client}", "-o", str(directory), "--workers", "1", "--web", ":0"]  # fmt: skip
    running = subprocess.Popen(
        [sys.executable, "-m", "malaria", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    try:
        found = next(match[0] for line in running.stderr if (match := re.search(r"http://\S+", line)))
        yield running, found, directory
    finally:
        running.terminate()
        running.wait(60)


def pause_and_resume(page: Page) -> None:
    """Pause by the button and resume by the key; what does not fit is disabled, and its key says why."""
    page.locator("button[data-verb=resume][disabled]").wait_for()
    page.keyboard.press("r")
    page.locator("#answer", has_text="nothing is paused").wait_for()
    assert page.locator("#question").is_hidden()
    page.get_by_role("button", name="pause").click()
    page.get_by_role("button", name="do it").click()
    page.locator("button[data-verb=pause][disabled]").wait_for()
    page.keyboard.press("p")
    page.locator("#answer", has_text="it pauses already").wait_for()
    page.keyboard.press("r")
    page.get_by_role("button", name="do it").click()
    page.locator("button[data-verb=resume][disabled]").wait_for()


def test_a_run_is_watched_changed_and_read_to_its_end(
    browser: Browser, attack: tuple[subprocess.Popen[str], str, Path]
) -> None:
    running, url, directory = attack
    desk = Viewer(browser, url, 1400, 900)
    page = desk.page
    page.get_by_text("measure begins").wait_for()
    page.locator("#figures [data-name=ack]").wait_for()
    phone = Viewer(browser, url, 360, 740)  # opened in the middle: it has the run from its start
    assert phone.seconds_shown() >= desk.seconds_shown() - 1
    assert phone.page.locator("#live-chart canvas").count() >= FEWEST_PANELS
    assert desk.fits
    assert phone.fits

    page.fill("#clients", str(ADDED))
    page.get_by_role("button", name="+ add").click()
    question = page.locator("#question")
    question.wait_for()
    assert f"{ADDED} more clients" in question.inner_text()
    page.get_by_role("button", name="do it").click()
    for viewer in (desk, phone):  # the mark, in the chart and in the list
        viewer.page.locator(".mark-strip span", has_text=f"+{ADDED} clients").wait_for(state="attached")
        viewer.page.locator("#events li", has_text=f"+{ADDED} clients").wait_for(state="attached")
    page.locator("#figures [data-name=clients] b", has_text=format_count(CLIENTS + ADDED + 1)).wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    pause_and_resume(page)

    page.keyboard.press("e")
    question.wait_for()
    page.keyboard.press("Enter")
    for viewer in (desk, phone):
        viewer.page.locator("#live").wait_for(state="detached")
        viewer.page.wait_for_selector("html[data-drawn=all]", state="attached")
    code = running.wait(60)
    summary = json.loads((directory / "summary.json").read_text())
    assert code == EXIT_CODES[summary["verdict"]["outcome"]]  # a busy machine makes it INVALID
    for viewer in (desk, phone):
        text = viewer.page.inner_text("main").replace("\N{NO-BREAK SPACE}", " ")
        assert summary["verdict"]["outcome"] in text
        for name in ("due", "sent", "acked"):
            assert format_count(summary["messages"][name]) in text
        assert viewer.troubles == []
    assert summary["clients"]["connected_peak"] == CLIENTS + ADDED + 1
    stored = (directory / "report.html").read_text()
    assert page.evaluate("document.getElementById('data').textContent") in stored
