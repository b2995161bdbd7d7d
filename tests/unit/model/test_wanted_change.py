"""The notation of changes: what is read, what is written back, what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

from malaria.model.wanted_change import Verb, WantedChange, parse_change
from malaria.units import NotationError


@pytest.mark.parametrize(
    ("text", "change", "words"),
    [
        ("+500", WantedChange(Verb.ADD, clients=500), "+500 clients"),
        (" + 1 ", WantedChange(Verb.ADD, clients=1), "+1 client"),
        ("\N{MINUS SIGN}500", WantedChange(Verb.REMOVE, clients=500), "\N{MINUS SIGN}500 clients"),
        ("meters: -20", WantedChange(Verb.REMOVE, "meters", clients=20), "\N{MINUS SIGN}20 clients"),
        ("rate=2/s", WantedChange(Verb.RATE, interval=Fraction(1, 2)), "2 msg/s each"),
        ("rate = 1/6", WantedChange(Verb.RATE, interval=Fraction(6)), "0.167 msg/s each"),
        ("cut 20%", WantedChange(Verb.CUT, part=Fraction(1, 5)), "disconnect 20 %"),
        ("cut 12.5 %", WantedChange(Verb.CUT, part=Fraction(1, 8)), "disconnect 12.5 %"),
        ("cut 50", WantedChange(Verb.CUT, clients=50), "disconnect 50 clients"),
        ("storm", WantedChange(Verb.STORM), "reconnect storm"),
        ("backend: pause", WantedChange(Verb.PAUSE, "backend"), "pause"),
        ("end", WantedChange(Verb.END), "end"),
    ],
)
def test_a_change_is_read_and_written_back(text: str, change: WantedChange, words: str) -> None:
    assert parse_change(text) == change
    assert parse_change(str(change)) == change
    assert change.in_words == words


@pytest.mark.parametrize(
    "text",
    ["", "500", "+", "+0", "-0", "+1.5", "+1e3x", "rate=0", "rate=-1", "rate=", "cut", "cut 0", "cut 0%", "cut 101%",
     "cut -5", "go", ": +5", "meters: end", "x" * 201, "+" + "9" * 5000, "rate=1e999", "\x00", "cut 20%%"],
)  # fmt: skip
def test_what_is_no_change_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(NotationError) as refusal:
        parse_change(text)
    assert refusal.value.remedy


@pytest.mark.parametrize("text", ["cut 2000%", "cut 101%", "cut 100.5 %", "cut 0%", "meters: cut -5%"])
def test_a_part_that_cannot_be_says_which_can(text: str) -> None:
    with pytest.raises(NotationError, match=r"above 0 % and up to 100 %; write cut 20% for a part, or storm for all"):
        parse_change(text)


def test_a_part_has_few_decimals_so_that_it_reads_back_equal() -> None:
    with pytest.raises(NotationError, match="more than 3 decimals"):
        parse_change("cut 33.3333%")


@pytest.mark.parametrize("text", ["storm 20%", "storm 2000%"])
def test_a_storm_has_no_part(text: str) -> None:
    with pytest.raises(NotationError, match="a storm breaks every connection; write cut 20% for a part"):
        parse_change(text)
