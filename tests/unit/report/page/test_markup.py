"""Nothing that comes from outside leaves the place where it was put."""

from __future__ import annotations

import base64
import json

import pytest

from malaria.report.page.markup import as_json, card, chart, command, download, folded, table, text

HOSTILE = ["</script><script>hurt()</script>", '"><img src=x onerror=hurt()>', "<!--", "' onclick='hurt()", "]]>&lt;"]


@pytest.mark.parametrize("words", HOSTILE)
def test_text_holds_no_character_that_means_something(words: str) -> None:
    for made in (card("x", words, words), command(words, words), chart(words, 1, words), folded(words, "")):
        assert words not in made
    assert not set(text(words)) & set("<>\"'")


@pytest.mark.parametrize("words", HOSTILE)
def test_json_cannot_end_its_script(words: str) -> None:
    made = as_json({words: [words]})
    assert "<" not in made
    assert json.loads(made) == {words: [words]}


def test_json_has_no_number_that_a_browser_cannot_read() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json([float("nan")])


def test_a_download_carries_its_file() -> None:
    link = download("a.csv", "text/csv", "t_s,ü\n".encode(), "the file")
    encoded = link.partition("base64,")[2].partition('"')[0]
    assert base64.b64decode(encoded).decode() == "t_s,ü\n"


def test_columns_of_words_are_marked_in_head_and_body() -> None:
    made = table(["a", "b"], [["1", "two"]], words=(1,), kind="facts")
    assert '<th scope="col">a</th><th class="words" scope="col">b</th>' in made
    assert '<th scope="row">1</th><td class="words">two</td>' in made
    assert "<thead>" not in table(["", ""], [["1", "2"]])
