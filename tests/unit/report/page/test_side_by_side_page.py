"""The page of two stored results side by side."""

from __future__ import annotations

from dataclasses import replace

from malaria.analysis.compare.side_by_side import ComparedLevel, SideBySide, StoredResult, compare_results
from malaria.analysis.summary import summarize
from malaria.report.page.side_by_side_page import render_side_by_side_page
from page_text import page_text
from synthetic import make_run, observed


def compared() -> SideBySide:
    calm = observed(make_run(seconds=20, clients=300))
    broken = observed(make_run(seconds=20, clients=300, trouble="falls-behind"))
    first, second = (calm, summarize(calm)), (broken, summarize(broken))
    return compare_results(
        StoredResult("runs/a", first[1], {"300 clients": first, "900 clients": first}),
        StoredResult("runs/b", second[1], {"300 clients": first, "900 clients": second}),
    )


def without_bounds(level: ComparedLevel) -> ComparedLevel:
    bare = [replace(row, within_run_low=None, within_run_high=None) for row in level.figures]
    return replace(level, figures=bare)


def test_a_level_with_a_changed_verdict_comes_first_and_verdicts_have_their_colour() -> None:
    page = render_side_by_side_page(compared())
    assert page.index("900 clients</h2>") < page.index("300 clients</h2>")
    assert '<b class="PASS">PASS</b>' in page
    assert '<b class="FAIL">FAIL</b>' in page
    assert "UTC" in page_text(page)


def test_bounds_have_a_column_only_where_there_are_any() -> None:
    found = compared()
    assert "within this run" in page_text(render_side_by_side_page(found))
    bare = replace(found, levels=[without_bounds(level) for level in found.levels])
    assert "within this run" not in page_text(render_side_by_side_page(bare))
