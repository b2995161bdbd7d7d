"""The pytest plugin: tests that run in a pytest of their own, with an attack of a known verdict."""

from __future__ import annotations

import subprocess
import sys

import pytest

import malaria.api.python_attack  # noqa: F401  (a pytest in this process forgets what it imports itself)

FAKE = """
import pytest
from pathlib import Path
from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import Summary, Verdict
from malaria.errors import TargetError

class Result:
    def __init__(self, outcome, keywords):
        reason = Reason(Outcome(outcome), f"told why it is {outcome}", "do this")
        self.summary = Summary(verdict=Verdict(Outcome(outcome), (reason,)))
        self.verdict, self.directory, self.keywords = self.summary.verdict, Path("run"), keywords
        self.page = Path(__file__).with_name("page.html")
        self.page.write_text("a page")

def attack(outcome="PASS", **keywords):
    if outcome == "refused":
        raise TargetError("broker:1883: nothing listens", "start it")
    return Result(outcome, keywords)

@pytest.fixture(autouse=True)
def fake_attack(monkeypatch):
    monkeypatch.setattr("malaria.api.python_attack.attack", attack)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A directory whose tests make attacks that end as their marker says."""
    pytester.makeconftest(FAKE)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.malaria(clients=3, require="ack.p99 < 200ms")
        def test_pass(attack, tmp_path):
            assert attack.keywords == {"clients": 3, "require": "ack.p99 < 200ms", "target": "mqtt://broker",
                                       "title": "test_pass", "output": tmp_path / "run", "no_wait": True}

        @pytest.mark.malaria("FAIL")
        def test_fail(attack):
            assert False, "is not reached"

        @pytest.mark.malaria("INVALID")
        def test_invalid(attack):
            assert False, "is not reached"

        @pytest.mark.malaria("UNKNOWN")
        def test_unknown(attack):
            assert False, "is not reached"

        def test_without_marker(attack):
            pass

        @pytest.mark.malaria("refused")
        def test_refused(attack):
            pass

        def test_broker(mqtt_broker):
            assert mqtt_broker == "mqtt://broker"
        """
    )
    return pytester


def test_the_verdict_is_that_of_the_test(suite: pytest.Pytester) -> None:
    ran = suite.runpytest_inprocess("-rs", "--malaria-target", "mqtt://broker", "-p", "no:randomly")
    ran.assert_outcomes(passed=2, failed=1, skipped=2, errors=2)
    ran.stdout.fnmatch_lines_random(
        [
            "FAIL: told why it is FAIL",
            "    do this",
            "SKIPPED*INVALID: told why it is INVALID*",
            "SKIPPED*UNKNOWN: told why it is UNKNOWN*",
            "the fixture `attack` needs a load: mark the test*",
            "broker:1883: nothing listens",
            "start it",
        ]
    )


def test_pages_are_kept(suite: pytest.Pytester) -> None:
    suite.runpytest_inprocess("--malaria-target", "mqtt://broker", "--malaria-html", "pages")
    pages = sorted((suite.path / "pages").iterdir())
    assert [page.name.rpartition(".py-")[2] for page in pages] == [
        "test_fail.html", "test_invalid.html", "test_pass.html", "test_unknown.html",
    ]  # fmt: skip
    assert pages[0].read_text() == "a page"


def test_help_and_marker_are_known(suite: pytest.Pytester) -> None:
    assert "--malaria-target" in suite.runpytest_inprocess("--help").stdout.str()
    suite.runpytest_inprocess("--markers").stdout.fnmatch_lines("@pytest.mark.malaria(*")


def test_who_does_not_use_it_pays_nothing() -> None:
    """Of malaria, the plugin imports itself alone, and nothing that is slow."""
    script = (
        "import sys, pytest; before = set(sys.modules); import malaria.api.pytest_plugin; "
        "print(sorted(name for name in set(sys.modules) - before if '.' not in name or name.startswith('malaria')))"
    )
    printed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == "['malaria', 'malaria.api', 'malaria.api.pytest_plugin']"
