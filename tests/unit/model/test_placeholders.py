"""Templates: what may stand in braces, and nothing else."""

from __future__ import annotations

import pytest

from malaria.model.placeholders import NUMBERS, OF_CLIENT_ID, OF_MESSAGE, PLACEHOLDERS, check_template, fill


def test_names_what_it_uses() -> None:
    assert check_template("a/{client}/{seq}/{seq:04d}", OF_MESSAGE) == {"client", "seq"}
    assert check_template("no braces at all", OF_MESSAGE) == frozenset()


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("m/{client}/d", "m/c-7/d"),
        ("{index:05d}", "00007"),
        ("{index:5}|{index:d}", "    7|7"),
        ("{{literal}}{group}", "{literal}meters"),
    ],
)
def test_fills(text: str, filled: str) -> None:
    check_template(text, OF_MESSAGE)
    assert fill(text, {"client": "c-7", "index": 7, "group": "meters", "run": "r", "seq": 0, "messages": 1}) == filled


@pytest.mark.parametrize(
    "text",
    [
        "{", "}", "{client", "{}", "{0}", "{clinet}", "{client.__class__}", "{client[0]}", "{client!r}", "{client:5}",
        "{index:{seq}}", "{index:500d}", "{index:x}", "{index:>5}", "{index:0d}", "{Client}", "{client }",
    ],
)  # fmt: skip
def test_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="; "):
        check_template(text, OF_MESSAGE)


def test_a_place_has_its_own_placeholders() -> None:
    with pytest.raises(ValueError, match=r"\{seq\}.*write one of \{index\}, \{group\}, \{identity\}, \{run\}"):
        check_template("c-{seq}", OF_CLIENT_ID)


def test_the_tables_agree() -> None:
    assert set(PLACEHOLDERS) >= NUMBERS
    assert set(PLACEHOLDERS) >= OF_CLIENT_ID
