"""The verdict of a run or campaign as JUnit XML, which GitLab, Jenkins and GitHub actions show.

A suite is an attack or a level, a case is a condition that it was judged by; the first case is the verdict itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree

from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import Ruling
from malaria.printable import printable_lines
from malaria.records.run import Run
from malaria.report.threshold_text import ThresholdRow, threshold_rows

NO_MEASUREMENT: Final = frozenset({Outcome.INVALID, Outcome.UNKNOWN})
"""Verdicts that say nothing about the broker: their cases are skipped."""


def to_junit(run: Run) -> bytes:
    """Return one attack as JUnit XML."""
    return junit_of([(run.meta.title or "attack", run, summarize(run))])


def junit_of(attacks: Iterable[tuple[str, Run, Summary]]) -> bytes:
    """Return attacks, each with its title, records and figures, as JUnit XML."""
    root = ElementTree.Element("testsuites", name="malaria")
    for title, run, summary in attacks:
        root.append(_suite(_clean(title), run, summary))
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(title: str, run: Run, summary: Summary) -> ElementTree.Element:
    cases = [_verdict_case(title, summary)]
    cases += [_threshold_case(title, row, summary) for row in threshold_rows(run, summary)]
    suite = ElementTree.Element("testsuite", name=title, tests=str(len(cases)), timestamp=summary.started or "")
    for kind, tag in (("failures", "failure"), ("skipped", "skipped")):
        suite.set(kind, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("errors", "0")
    suite.set("time", f"{summary.duration_s or 0:g}")
    suite.append(_properties(summary))
    suite.extend(cases)
    return suite


def _properties(summary: Summary) -> ElementTree.Element:
    """Return the figures that a reader of the suite asks for first. Unknown ones are left out."""
    ack = summary.latency_ms.get("ack")
    figures = {
        "headline": summary.headline or None,
        "target": summary.target,
        "clients.connected": summary.clients.connected,
        "rates.acked_per_s": summary.rates.acked_per_s,
        "messages.lost": summary.messages.lost,
        "latency_ms.ack.p99": ack and ack.p99,
        "broker.cpu_percent": summary.broker.cpu_percent,
    }
    properties = ElementTree.Element("properties")
    for name, value in figures.items():
        if value is not None:
            ElementTree.SubElement(properties, "property", name=name, value=_clean(str(value)))
    return properties


def _verdict_case(title: str, summary: Summary) -> ElementTree.Element:
    verdict = summary.verdict
    case = ElementTree.Element("testcase", classname=title, name="verdict", time=f"{summary.duration_s or 0:g}")
    told = "\n".join(f"{reason.text}\n  {reason.remedy}" for reason in verdict.reasons)
    if verdict.outcome is Outcome.FAIL:
        _add(case, "failure", str(verdict.outcome), summary.headline or "FAIL", told)
    elif verdict.outcome in NO_MEASUREMENT:
        _add(case, "skipped", str(verdict.outcome), summary.headline or str(verdict.outcome), told)
    return case


def _threshold_case(title: str, row: ThresholdRow, summary: Summary) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=title, name=f"{row.key} {row.limit}", time="0")
    told = f"{row.name}: {row.value}, needs {row.limit}"
    if summary.verdict.outcome in NO_MEASUREMENT or row.ruling is Ruling.UNDECIDED:
        _add(case, "skipped", str(summary.verdict.outcome), told)
    elif row.ruling is Ruling.BROKEN:
        _add(case, "failure", str(Outcome.FAIL), told)
    return case


def _add(case: ElementTree.Element, tag: str, kind: str, message: str, text: str = "") -> None:
    child = ElementTree.SubElement(case, tag, type=kind, message=_clean(message))
    child.text = _clean(text) or None


def _clean(text: str) -> str:
    """Return text without the control characters that XML 1.0 has no way to write."""
    return printable_lines(text)
