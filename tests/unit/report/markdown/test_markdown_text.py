"""Markdown as every wiki reads it."""

from __future__ import annotations

import pytest

from malaria.report.markdown.markdown_text import anchor, code, table


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("3,000 clients", "3000-clients"),
        ("3,000 clients · QoS 0 publishers", "3000-clients--qos-0-publishers"),
        ("What is missing", "what-is-missing"),
        ("a_b-c](x)", "a_b-cx"),
    ],
)
def test_a_heading_is_found_by_its_anchor(heading: str, name: str) -> None:
    assert anchor(heading) == name


def test_a_fence_is_longer_than_what_is_inside() -> None:
    assert code("a ```` b", "sh") == "`````sh\na ```` b\n`````"
    assert code("plain") == "```\nplain\n```"


def test_figures_stand_to_the_right_of_words() -> None:
    assert table(["a", "b", "c"], [["1", "2", "3"]], words=2) == [
        "| a | b | c |",
        "| --- | --- | ---: |",
        "| 1 | 2 | 3 |",
    ]
