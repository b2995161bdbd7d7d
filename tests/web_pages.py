"""Pages in a real browser: Chromium without a network of its own, and a page whose every trouble is noted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from conftest import lacking

QUIET: Final = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENCE_MS: Final = 100_000
"""A busy machine may take its time to draw; a test has 120 s."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Open a browser. While it is open, this thread cannot run an event loop of its own (asyncio.run)."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        lacking("no Chromium", "apt install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield opened
        opened.close()


class WatchedPage:
    """Opens an address, and notes everything that is wrong: messages, errors, requests that do not begin with `own`."""

    def __init__(self, page: Page, url: str, *own: str) -> None:
        self.page = page
        self.troubles: list[str] = []
        self._own = own
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self.troubles.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("request", lambda request: self._note(request.url))
        page.goto(url)
        page.wait_for_selector("html[data-drawn=all]", state="attached")

    def _note(self, url: str) -> None:
        if not url.startswith((*self._own, "data:")):
            self.troubles.append(f"request: {url}")
