"""The environment as people read it."""

from __future__ import annotations

from malaria.analysis.summary import summarize
from malaria.report.environment_text import environment, observer_rows
from synthetic import make_run, with_meta


def test_facts_are_in_people_s_units() -> None:
    run = make_run()
    named = dict(environment(run, summarize(run)))
    assert named["memory"] == "8.0 GB"
    assert named["open files limit"] == "soft 1,024, hard 524,288"
    assert named["broker"] == "mosquitto 2.0.21"


def test_notes_of_the_run_are_there() -> None:
    run = with_meta(make_run(), notes=["a <note>"])
    assert ("note", "a <note>") in environment(run, summarize(run))


def test_each_observer_has_a_row() -> None:
    stored = [{"observer": "sys", "about": "mqtt://broker", "samples": 1200, "gaps": 1, "reason": "refused"}]
    run = with_meta(make_run(seconds=2), observers=stored)
    assert observer_rows(run) == [["sys", "mqtt://broker", "1,200", "—", "—", "1", "refused"]]
    assert observer_rows(with_meta(run, observers=None)) == []
