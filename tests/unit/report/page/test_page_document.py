"""Nothing that comes from outside is markup, and a page allows its own scripts and styles alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import jinja2
import pytest

from malaria.analysis.summary import summarize
from malaria.report.page.flame import FlameFrame, FlameGraph
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
    table = page_table([words, words], [[TableCell(words, words), TableCell(words, is_outcome=True)]], kind=words)
    frame = FlameFrame(words, 0, 1, 0, 1)
    return {
        "table": shown("table", table),
        "folded": shown("folded", FoldedTable(words, table)),
        "folded_text": shown("folded_text", words, words),
        "verdict": shown("verdict", VerdictView(words, words, words, (words,))),
        "cards": shown("cards", [FigureCard(TableCell(words), words, words)]),
        "chart": shown("chart", ChartPlace(words, 1, words)),
        "command": shown("command", CopyableCommand(words, words)),
        "download": shown("download", DownloadLink(words, words, words)),
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
def test_chart_data_cannot_end_its_script(words: str) -> None:
    page = page_of({words: [words]})
    inside = page.partition('id="charts">')[2].partition("</script>")[0]
    assert "<" not in inside
    assert json.loads(inside) == {words: [words]}


def page_of(charts: dict[str, object]) -> str:
    page = render_run_page(make_run(seconds=2), summarize(make_run(seconds=2)))
    environment = template_environment()
    data = environment.from_string("{{ charts|tojson }}").render(charts=charts)
    head, _, rest = page.partition('id="charts">')
    return f'{head}id="charts">{data}</script>{rest.partition("</script>")[2]}'


def test_chart_data_has_no_number_that_a_browser_cannot_read() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        page_of({"x": float("nan")})


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
    assert rules["style-src-elem"].split() == [hash_of(style), hash_of("")]


def hash_of(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def test_a_column_of_sentences_is_marked_in_head_and_body() -> None:
    made = shown("table", page_table(["a", "b"], [["1", "two"]], words=(1,), kind="facts"))
    assert '<th scope="col">a</th>\n<th class="words" scope="col">b</th>' in made
    assert '<th scope="row">1</th>\n<td class="words">two</td>' in made
    assert "<thead>" not in shown("table", page_table(["", ""], [["1", "2"]]))
