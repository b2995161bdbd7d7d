"""The rules at the end of an attack in the terminal."""

from __future__ import annotations

from malaria.analysis.summary import summarize
from malaria.report.terminal.rules_block import rules_block
from synthetic import Course, make_run, with_meta

WIDTH = 80
MANY, FEW = 30, 2


def shown(room: int, width: int = WIDTH, trouble: str | None = None, **meta: object) -> list[str]:
    run = with_meta(make_run(trouble=trouble), **meta)  # type: ignore[arg-type]
    return [line.plain for line in rules_block(run, summarize(run), width, room)]


def words(line: str) -> str:
    return " ".join(line.split())


def test_every_rule_of_a_run_that_passed_has_value_limit_and_tick() -> None:
    lines = shown(MANY, thresholds=("ack.p99 < 500ms",))
    assert words(lines[0]) == "rules ✓ ack p99 3.6 ms < 500 ms"
    assert words(lines[1]) == "✓ clients connected 3,000 (100 %) = 100 % of planned"
    assert len({line.index("3") for line in lines[:2]}) == 1, "values stand below each other"
    assert lines[-1] == ""
    assert all(" ✓ " in line and len(line) <= WIDTH for line in lines[:-1])


def test_where_clients_came_and_went_the_rules_say_what_they_judge() -> None:
    run = Course([100] * 30, surges=[(50, 10, 20)]).run()
    lines = [line.plain for line in rules_block(run, summarize(run), WIDTH, MANY)]
    assert lines[-2:] == ["             default rules judge the time without surges and what they caused", ""]


def test_a_small_terminal_has_the_broken_ones_first_side_by_side() -> None:
    lines = shown(4, trouble="falls-behind", thresholds=("ack.p50 < 3s",))
    assert lines == [
        "  rules      ✗ acked per second 453/s (90.7 %), limit ≥ 98 % of due",
        "             ✗ unresolved 1,400, limit = 0  5 more on the page",
        "",
    ]


def test_a_run_without_stated_rules_says_that_the_default_ones_hold() -> None:
    assert shown(FEW, thresholds=()) == ["  rules      ✓ 6 default rules hold", ""]


def test_a_narrow_terminal_has_no_columns() -> None:
    assert "  rules      ✓ ack p99 3.6 ms, limit < 500 ms" in shown(MANY, 40, thresholds=("ack.p99 < 500ms",))
