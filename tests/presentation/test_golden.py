"""What people read, letter by letter: the terminal, the Markdown and the page.

`pytest tests/presentation --update-golden` writes the golden files anew: look at the difference, then commit.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from textual.pilot import Pilot

from full_screens import piloted, screen_text, watched
from malaria.analysis.campaign_figures import summarize_campaign
from malaria.analysis.summary import summarize
from malaria.report.markdown.run_markdown import render_run_markdown
from malaria.report.page.run_page import render_run_page
from malaria.report.terminal.campaign_summary import print_campaign
from malaria.report.terminal.run_summary import print_summary
from malaria.tui.load_app import LoadApp
from page_text import page_text
from synthetic import campaign_markdown, campaign_page, make_run, make_whole_campaign

GOLDEN = Path(__file__).parent / "golden"
OUTCOMES = {None: "PASS", "falls-behind": "FAIL", "generator-limit": "INVALID", "lost-worker": "UNKNOWN",
            "unfinished": "FAIL"}  # fmt: skip
"""The troubles of a synthetic run, and what comes of them."""

type Check = Callable[[str, str], None]
each_trouble = pytest.mark.parametrize("trouble", OUTCOMES)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Check:
    """Compare a text with the golden file of that name, or write it with --update-golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


def printed(show: Callable[[Console], None]) -> str:
    file = io.StringIO()
    # a terminal of 80 x 24: a pipe would get every rule
    show(Console(file=file, width=80, height=24, force_terminal=True, color_system=None))
    return file.getvalue()


@each_trouble
def test_the_summary_of_an_attack(trouble: str | None, golden: Check) -> None:
    run = make_run(trouble=trouble)  # type: ignore[arg-type]
    summary = summarize(run)
    text = printed(lambda console: print_summary(run, summary, console))
    golden(f"terminal-{trouble or 'pass'}.txt", text)
    assert f"  {OUTCOMES[trouble]}   " in text
    assert len(text.splitlines()) <= 23  # one more line says where the page is
    assert max(map(len, text.splitlines())) <= 80


def test_the_summary_of_a_campaign(golden: Check) -> None:
    campaign, levels = make_whole_campaign()
    summary = summarize_campaign(campaign, {name: figures for name, (_, figures) in levels.items()})
    text = printed(lambda console: print_campaign(summary, console))
    golden("terminal-campaign.txt", text)
    assert max(map(len, text.splitlines())) <= 80


@each_trouble
def test_an_attack_in_markdown(trouble: str | None, golden: Check) -> None:
    run = make_run(trouble=trouble)  # type: ignore[arg-type]
    golden(f"report-{trouble or 'pass'}.md", render_run_markdown(run, summarize(run)))


def test_a_campaign_in_markdown(golden: Check) -> None:
    golden("report-campaign.md", campaign_markdown(*make_whole_campaign()))


@pytest.mark.parametrize("trouble", [None, "falls-behind"])
def test_the_page_of_an_attack(trouble: str | None, golden: Check) -> None:
    run = make_run(trouble=trouble)  # type: ignore[arg-type]
    golden(f"page-{trouble or 'pass'}.txt", page_text(render_run_page(run, summarize(run))))


def test_the_page_of_a_campaign(golden: Check) -> None:
    golden("page-campaign.txt", page_text(campaign_page(*make_whole_campaign())))


@pytest.mark.parametrize("bees", [0, 3])
@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_the_full_screen(size: tuple[int, int], bees: int, golden: Check) -> None:
    texts = []

    async def look(pilot: Pilot[None], app: LoadApp) -> None:
        texts.append(screen_text(app))

    piloted(watched(bees=bees), look, size)
    golden(f"tui-{size[0]}x{size[1]}{'-bees' if bees else ''}.txt", f"{texts[0]}\n")
    assert len(texts[0].splitlines()) == size[1]
    assert max(map(len, texts[0].splitlines())) <= size[0]


def test_the_help_of_the_full_screen(golden: Check) -> None:
    texts = []

    async def look(pilot: Pilot[None], app: LoadApp) -> None:
        await pilot.press("question_mark")
        texts.append(screen_text(app))

    piloted(watched(), look)
    golden("tui-help.txt", f"{texts[0]}\n")
