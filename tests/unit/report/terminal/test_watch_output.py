"""Lines of `malaria watch` that is not on a terminal."""

from __future__ import annotations

import pytest

from malaria.cli.output import print_line
from malaria.clock import NS_PER_S
from malaria.records.rows import GAP, Event, EventKind, Observation
from malaria.report.terminal.latest_readings import LatestReadings
from malaria.report.terminal.watch_output import JsonLines, PlainLines

HOSTILE = "\x1b[31mred\x07\x9b1m"


@pytest.mark.parametrize("output", [JsonLines, PlainLines])
def test_texts_of_a_broker_are_cleaned(
    output: type[JsonLines] | type[PlainLines], capsys: pytest.CaptureFixture[str]
) -> None:
    show = output(LatestReadings(), print_line)
    rows = [Event(1, EventKind.OBSERVER, HOSTILE), Observation("sys", 2, {GAP: HOSTILE})]
    show(2 * NS_PER_S, rows)
    printed = capsys.readouterr().out
    assert printed.count("\n") == 2
    assert "red" in printed
    assert all(char == "\n" or char.isprintable() for char in printed)
