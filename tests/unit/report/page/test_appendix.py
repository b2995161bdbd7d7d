"""Environment, definitions and raw data."""

from __future__ import annotations

import csv
import io
import json

from malaria.analysis.series import columns
from malaria.analysis.summary import summarize
from malaria.report.definitions import DEFINITIONS
from malaria.report.page.appendix import definitions, environment, facts, raw_data, series_csv, warhead
from malaria.report.page.blocks import cards, latency_table, levels
from malaria.report.page.target_page import seen
from malaria.report.shown_levels import shown_parts
from synthetic import by_directory, make_campaign, make_records, with_meta


def test_facts_are_in_people_s_units() -> None:
    records = make_records()
    named = dict(facts(records, dict(summarize(records))))
    assert named["memory"] == "8.0 GB"
    assert named["open files limit"] == "soft 1,024, hard 524,288"
    assert named["broker"] == "mosquitto 2.0.21"


def test_notes_of_the_run_are_there() -> None:
    records = with_meta(make_records(), notes=["a <note>"])
    assert "a &lt;note&gt;" in environment(records, dict(summarize(records)))


def test_the_series_as_csv_is_the_series() -> None:
    records = make_records(seconds=5)
    rows = list(csv.DictReader(io.StringIO(series_csv(columns(records)))))
    assert [row["due_per_s"] for row in rows] == [str(value) for value in columns(records)["due_per_s"]]


def test_every_link_to_a_definition_has_its_end() -> None:
    records = make_records()
    summary = dict(summarize(records))
    shown = shown_parts(make_campaign([records]), by_directory([records]))
    page = cards(records, summary) + latency_table(records, summary) + levels(shown) + seen(records, summary)
    wanted = {part.partition('"')[0] for part in page.split('href="#def-')[1:]}
    assert wanted
    assert wanted <= set(DEFINITIONS)
    assert all(f'id="def-{name}"' in definitions() for name in wanted)


def test_the_files_of_levels_have_names_of_their_own() -> None:
    records = make_records(seconds=3)
    made = raw_data(columns(records), json.loads(json.dumps(summarize(records))), "level-1-")
    assert 'download="level-1-summary.json"' in made


def test_a_run_without_a_warhead_says_so() -> None:
    assert "unknown" in warhead(with_meta(make_records(seconds=2), warhead_toml=None))
