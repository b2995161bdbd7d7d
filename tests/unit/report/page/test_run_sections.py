"""The parts of the page of one run that other tests do not look at alone."""

from __future__ import annotations

from dataclasses import replace

from malaria.records.rows import Event, EventKind
from malaria.report.page.run_sections import MOST_EVENTS, events_table
from synthetic import make_run


def test_a_table_of_very_many_events_ends_with_how_many_more_there_are() -> None:
    events = tuple(Event(number, EventKind.TROUBLE, f"trouble {number}", "1", 1) for number in range(MOST_EVENTS + 7))
    folded = events_table(replace(make_run(), events=events))
    assert folded.label.startswith("2,007 events")
    assert len(folded.table.rows) == MOST_EVENTS + 1
    assert "and 7 more events" in str(folded.table.rows[-1])
