"""Nothing that comes from outside is markup, and a page allows its own scripts and styles alone."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import jinja2
import pytest

from malaria.analysis.summary import summarize
from malaria.report.page.flame import FlameFrame, FlameGraph
from malaria.report.page.page_data import PageData, packed
from malaria.report.page.page_document import template_environment
from malaria.report.page.page_elements import (
    ChartPlace,
    CopyableCommand,
    DownloadLink,
    FigureCard,
    FoldedTable,
    TableCell,
    page_table,
)
from malaria.report.page.run_page import render_run_page
from malaria.report.page.run_sections import VerdictView
from synthetic import make_run

HOSTILE = ["</script><script>hurt()</script>", '"><img src=x onerror=hurt()>', "<!--", "' onclick='hurt()", "]]>&lt;"]


class Elements(HTMLParser):
    """The names of all elements and attributes of a piece of markup, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self.values: list[str] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names += [tag, *(name for name, _ in attrs)]
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(macro: str, *values: object) -> str:
    elements = template_environment().get_template("elements.html").module
    return str(getattr(elements, macro)(*values))


def everything(words: str) -> dict[str, str]:
    """Each macro, shown with these words wherever a text can be."""
    table = page_table([words, words], [[TableCell(words, words), TableCell(words, look=words)]], kind=words)
    frame = FlameFrame(words, 0, 1, 0, 1)
    return {
        "table": shown("table", table),
        "folded": shown("folded", FoldedTable(words, table)),
        "folded_text": shown("folded_text", words, words),
        "verdict": shown("verdict", VerdictView(words, words, words, (words,))),
        "cards": shown("cards", [FigureCard(TableCell(words), words, words)]),
        "chart": shown("chart", ChartPlace(words, 1, words)),
        "command": shown("command", CopyableCommand(words, words)),
        "download": shown("download", DownloadLink(words, words, words, words)),
        "paragraphs": shown("paragraphs", [words], words),
        "flame": shown("flame", FlameGraph(words, 17, (frame,))),
    }


@pytest.mark.parametrize("words", HOSTILE)
def test_texts_from_outside_add_no_element_and_no_attribute(words: str) -> None:
    calm = everything("calm")
    for macro, markup in everything(words).items():
        assert words not in markup, macro
        assert Elements(markup).names == Elements(calm[macro]).names, macro
        assert words in Elements(markup).text + " ".join(Elements(markup).values), macro


@pytest.mark.parametrize("words", HOSTILE)
def test_the_data_of_a_page_cannot_end_its_script(words: str) -> None:
    text = packed(PageData(files={words: words}))
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", text)
    assert json.loads(gzip.decompress(base64.b64decode(text)))["files"] == {words: words}


def test_the_same_data_gives_the_same_page() -> None:
    run = make_run(seconds=2)
    assert render_run_page(run, summarize(run)) == render_run_page(run, summarize(run))


def test_the_data_of_a_page_has_no_number_that_a_browser_cannot_read() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        packed(PageData(tables={"series": {"x": [float("nan")]}}))


VENDORED = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@pytest.mark.parametrize(("name", "digest"), VENDORED.items())
def test_the_chart_library_is_the_file_that_its_makers_published(name: str, digest: str) -> None:
    content = (files("malaria.report.page") / "vendor" / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest


def test_a_misspelled_name_in_a_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        shown("cards", [object()])


def test_the_policy_allows_the_scripts_and_styles_of_the_page_alone() -> None:
    run = make_run(seconds=2)
    page = render_run_page(run, summarize(run))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; "))
    assert (rules["default-src"], rules["connect-src"]) == ("'none'", "'none'")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert rules["script-src"].split() == [hash_of(script) for script in scripts]
    (style,) = re.findall(r"<style>(.*?)</style>", page[: page.index("<body>")], re.S)
    assert rules["style-src-elem"].split() == [hash_of(style)]


def hash_of(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def test_a_column_of_sentences_is_marked_in_head_and_body() -> None:
    made = shown("table", page_table(["a", "b"], [["1", "two"]], words=(1,), kind="facts"))
    assert '<th scope="col">a</th>\n<th class="words" scope="col">b</th>' in made
    assert '<th scope="row">1</th>\n<td class="words">two</td>' in made
    assert "<thead>" not in shown("table", page_table(["", ""], [["1", "2"]]))
