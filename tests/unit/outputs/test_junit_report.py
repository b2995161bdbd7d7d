"""The verdict as JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from malaria.analysis.summary import summarize
from malaria.outputs.junit_report import junit_of, to_junit
from malaria.records.run import Run
from synthetic import make_run, with_meta

GOOD = make_run(seconds=12, clients=100)


def cases(run: Run) -> dict[str, ElementTree.Element]:
    (suite,) = ElementTree.fromstring(to_junit(run))
    return {str(case.get("name")): case for case in suite.iter("testcase")}


def outcome(case: ElementTree.Element) -> str:
    return next((child.tag for child in case), "passed")


def test_a_case_for_the_verdict_and_each_condition() -> None:
    found = cases(with_meta(GOOD, thresholds=["ack.p99 < 10s", "messages.lost == 0"]))
    assert {outcome(case) for case in found.values()} == {"passed"}
    assert {"verdict", "ack.p99 < 10,000 ms", "messages.lost = 0"} <= found.keys()


def test_a_broken_condition_is_a_failure_with_its_value() -> None:
    found = cases(with_meta(GOOD, thresholds=["ack.p99 < 0.001ms", "messages.lost == 0"]))
    (broken,) = [case for name, case in found.items() if name.startswith("ack.p99")]
    assert outcome(broken) == outcome(found["verdict"]) == "failure"
    assert outcome(found["messages.lost = 0"]) == "passed"
    message = str(broken[0].get("message"))
    assert message.startswith("ack p99: ")
    assert message.endswith("needs < 0.001 ms")
    assert broken[0].get("type") == "FAIL"


@pytest.mark.parametrize("trouble", ["generator-limit"])
def test_nothing_is_passed_or_failed_without_a_measurement(trouble: str) -> None:
    run = make_run(seconds=12, trouble=trouble)  # type: ignore[arg-type]
    found = cases(with_meta(run, thresholds=["messages.lost == 0"]))
    assert {outcome(case) for case in found.values()} == {"skipped"}
    assert str(found["verdict"][0].get("type")) == "INVALID"


def test_the_suite_counts_its_cases_and_has_figures() -> None:
    failed = with_meta(GOOD, thresholds=["ack.p99 < 0.001ms"])
    levels = [("one", GOOD, summarize(GOOD)), ("two", failed, summarize(failed))]
    one, two = ElementTree.fromstring(junit_of(levels))
    assert (one.get("name"), one.get("failures"), one.get("skipped")) == ("one", "0", "0")
    assert (two.get("failures"), two.get("errors")) == ("2", "0")
    assert two.get("tests") == str(len(list(two.iter("testcase"))))
    figures = {str(p.get("name")): p.get("value") for p in one.iter("property")}
    assert figures["messages.lost"] == "0"
    assert "broker.cpu_percent" not in figures  # not known


def test_what_xml_cannot_hold_is_replaced() -> None:
    run = with_meta(GOOD, title="a\x00b\x1b[31m")
    (suite,) = ElementTree.fromstring(to_junit(run))
    assert "\x1b" not in str(suite.get("name"))
