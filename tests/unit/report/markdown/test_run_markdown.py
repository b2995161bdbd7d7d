"""Text from outside is neither Markdown nor a command to a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.summary import summarize
from malaria.records.campaign_records import CampaignPart
from malaria.records.rows import Observation
from malaria.records.run import Run
from malaria.report.markdown.markdown_text import plain
from malaria.report.markdown.run_markdown import render_run_markdown
from synthetic import by_directory, campaign_markdown, make_campaign, make_run, observed, with_meta

CLEARS_THE_SCREEN = "\x1b[2J"
TITLES_THE_WINDOW = "\x1b]0;owned\x07"
TURNS_THE_LINE_ROUND = "\u202e"
NO_UTF8 = "caf\udce9"


def rendered(records: Run) -> str:
    return render_run_markdown(records, summarize(records))


@pytest.mark.parametrize("words", [CLEARS_THE_SCREEN, TITLES_THE_WINDOW, TURNS_THE_LINE_ROUND, NO_UTF8])
@pytest.mark.parametrize("where", ["title", "load", "command", "warhead_toml", "aborted"])
def test_no_character_of_it_moves_a_cursor(words: str, where: str) -> None:
    text = rendered(with_meta(make_run(), **{where: f"a{words}b"}))
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("words", [CLEARS_THE_SCREEN, TURNS_THE_LINE_ROUND, "`" * 5])
def test_nor_does_any_of_a_campaign(words: str) -> None:
    records = observed(with_meta(make_run(seconds=3, workers=1), load=f"a{words}b"))
    row = Observation("sys", 10**9, {f"$SYS/{words}": words})
    records = replace(records, observations=(*records.observations, row))
    campaign = make_campaign([records], f"a{words}b")
    parts = [replace(part, title=f"t{words}", note=words, command=words, clean_reason=words) for part in campaign.parts]
    parts.append(CampaignPart(2, words, words, 1, why=words))
    hostile = replace(campaign, note=words, parts=tuple(parts), broker={"settings": words}, options={words: words},
                      source=words)  # fmt: skip
    text = campaign_markdown(hostile, by_directory([records]))
    assert all(line.isprintable() for line in text.split("\n"))
    assert sum(line.startswith("# ") for line in text.split("\n")) == 1


def test_a_warhead_keeps_its_lines() -> None:
    text = rendered(with_meta(make_run(), warhead_toml='[[group]]\nname = "a|b"\n'))
    assert '```toml\n[[group]]\nname = "a|b"\n```' in text


@pytest.mark.parametrize(("words", "escaped"), [("a|b", "a\\|b"), ("two\nlines\r", "two lines "), ("`x`", "\\`x\\`")])
def test_a_cell_stays_one_cell(words: str, escaped: str) -> None:
    assert plain(words) == escaped


def test_no_text_is_taken_for_markdown() -> None:
    text = rendered(with_meta(make_run(), title="a|b *c* <script>", command="echo ```"))
    assert "a\\|b \\*c\\* \\<script\\>" in text
    assert "````sh" in text
