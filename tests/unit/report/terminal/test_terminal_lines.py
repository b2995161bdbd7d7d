"""Lines of the terminal break between words alone."""

from __future__ import annotations

from malaria.report.terminal.terminal_lines import row, wrapped

LONG = "mqtts://a-very-long-name-of-a-broker.example.org:8883"


def lines(sentence: str, width: int) -> list[str]:
    return [line.plain for line in wrapped(sentence, "  PASS   ", width)]


def test_further_lines_begin_below_the_first_word() -> None:
    assert lines("the broker carried it and more", 33) == ["  PASS   the broker carried it", "         and more"]


def test_a_number_keeps_its_percent_sign() -> None:
    assert lines("the broker used 100 % of it", 29 + 4) == ["  PASS   the broker used 100 % of", "         it"]
    assert lines("the broker used 100 % of it", 29) == ["  PASS   the broker used", "         100 % of it"]


def test_no_word_is_broken() -> None:
    assert lines(f"{LONG} refused", 40) == [f"  PASS   {LONG}", "         refused"]


def test_no_character_moves_the_cursor() -> None:
    assert "\x1b" not in "".join(lines("a\x1b[2Jb", 80))


def test_parts_share_a_line_while_there_is_room() -> None:
    assert [line.plain for line in row("broker", ["one", "two"], 80)] == ["  broker     one   two"]
    assert [line.plain for line in row("broker", ["one", "two" * 3], 24)] == [
        "  broker     one",
        "             twotwotwo",
    ]
