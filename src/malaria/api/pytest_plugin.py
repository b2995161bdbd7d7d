"""A load test as a pytest test: fixtures `mqtt_broker` and `attack`, and the marker `malaria`.

    @pytest.mark.malaria(clients=3000, rate=1, duration="30s", require="ack.p99 < 200ms")
    def test_the_broker_carries_the_fleet(attack):
        assert attack.summary.messages.lost == 0

FAIL fails the test with the reasons of the verdict. INVALID and UNKNOWN skip it with the reason: nothing was measured.
pytest finds this plugin by its entry point. It imports nothing of malaria until a test asks for a fixture.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from malaria.api.results import AttackResult

MARKER = "malaria"
RESULT: pytest.StashKey[AttackResult] = pytest.StashKey()
FAIL = "FAIL"
PASS = "PASS"
NO_LOAD = "the fixture `attack` needs a load: mark the test, @pytest.mark.malaria(clients=10, duration='3s')"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("malaria", "load tests of MQTT brokers")
    group.addoption("--malaria-target", metavar="URL", help="Broker for load tests; by default one is started.")
    group.addoption(
        "--malaria-html", metavar="DIR", type=Path, help="Keep the page of each load test in this directory."
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "malaria(target=..., warhead=..., require=..., **options): the attack that the fixture `attack` makes; options "
        "are those of malaria.attack",
    )


@pytest.fixture(scope="session")
def mqtt_broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of the broker: that of --malaria-target, else of one that is started for the session."""
    target = request.config.getoption("--malaria-target")
    if target is not None:
        yield target
        return
    from malaria.broker import start_default

    with start_default() as broker:
        yield f"mqtt://127.0.0.1:{broker.port}"


@pytest.fixture
def attack(request: pytest.FixtureRequest, mqtt_broker: str, tmp_path: Path) -> AttackResult:
    """Make the attack of the test's marker and return its result. Its verdict is judged when the test is called."""
    from malaria.api.python_attack import attack as make_attack
    from malaria.errors import OperatorError

    marker = request.node.get_closest_marker(MARKER)
    if marker is None:
        pytest.fail(NO_LOAD, pytrace=False)
    title = _file_name(request.node.name)
    keywords: dict[str, Any] = {"target": mqtt_broker, "title": title, "output": tmp_path / "run", "no_wait": True}
    try:
        result: AttackResult = make_attack(*marker.args, **(keywords | marker.kwargs))
    except OperatorError as error:
        message = f"{error.message}\n{error.remedy}"
    else:
        request.node.stash[RESULT] = result
        _keep_page(request, result)
        return result
    pytest.fail(message, pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Judge the attack here, not in its fixture: there, pytest would call a FAIL an error of the test's setup."""
    if RESULT in item.stash:
        _judge(item.stash[RESULT])


def _judge(result: AttackResult) -> None:
    """Fail or skip the test unless the verdict is PASS."""
    outcome = result.verdict.outcome.value
    if outcome == PASS:
        return
    text = "\n".join(f"{reason.text}\n    {reason.remedy}" for reason in result.verdict.reasons)
    told = f"{outcome}: {text}\n    run: {result.directory}"
    if outcome == FAIL:
        pytest.fail(told, pytrace=False)
    pytest.skip(told)


def _keep_page(request: pytest.FixtureRequest, result: AttackResult) -> None:
    """Copy the page to the directory of --malaria-html, under the name of the test."""
    kept: Path | None = request.config.getoption("--malaria-html")
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(result.page, kept / f"{_file_name(request.node.nodeid)}.html")


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-")
