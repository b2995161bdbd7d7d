"""What tests ask for by name: real brokers on free loopback ports, stopped again by their process id.

A test that lacks something on this machine is skipped with the remedy; with MALARIA_NO_SKIP=1 it fails instead.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NoReturn

import pytest
from hypothesis import HealthCheck, settings

import pauses
from everything import Everything, mosquitto_of_every_kind
from malaria.broker import RunningBroker, find_mosquitto, start_embedded, start_mosquitto
from malaria.broker.configuration import MosquittoSettings
from ssh_server import SshServer, missing_for_sshd, running_sshd

TESTS: Final = Path(__file__).parent
TESTS_AT_ONCE: Final = 4
SHORT: Final = ("unit", "property", "simulation", "smoke")
"""Levels of the default run. Those of the first three meet no broker and no clock."""
NEVER_SLOW: Final = ("unit", "property", "smoke")
SLOW: Final = ("conformance", "fault", "ruler", "swarm", "wheel")
"""Levels that meet real brokers, hosts and signals, or install packages: `pytest -m slow`."""
BUSY: Final = ("simulation", "fuzz")
"""Levels whose slow tests keep a core busy and know no clock: they fill the gaps of those that wait. Longest first."""
BUSY_TIMEOUT_S: Final = 600  # whoever steps aside may wait for long
LOWEST: Final = 19
"""The priority of a process that runs when no other wants to (setpriority(2))."""
MARKERS: Final = (
    "slow: meets real brokers, hosts or a browser, or takes long; only `pytest -m slow` runs it",
    "by_hand: takes minutes; only `pytest -m by_hand` runs it",
    "browser: opens a page in Chromium; slow",
    "alone: measures time, so no other test may run beside it; slow, and repeated once if the machine paused",
)

# how long an example takes says something about the machine, not about us
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


pytest_plugins = ["pytester"]
_watching = pytest.StashKey[subprocess.Popen[bytes]]()
_began_s = 0.0  # when the test that runs now began (monotonic clock)


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the state directory of the user who runs the tests as it is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files of tests/presentation anew")


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    # what a shell starts in the background ignores Ctrl-C, and so would every command that a test starts
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        notes = Path(tempfile.mkdtemp(prefix="malaria-pauses-")) / "pauses"
        config.stash[_watching] = pauses.start_watching(notes)


def pytest_unconfigure(config: pytest.Config) -> None:
    watching = config.stash.get(_watching, None)
    if watching is not None:
        watching.terminate()
        watching.wait()
        shutil.rmtree(Path(os.environ[pauses.PLACE]).parent, ignore_errors=True)


def machine_paused() -> bool:
    """Tell whether this machine stood still since the test that runs now began."""
    return pauses.longest_pause_s(_began_s) > pauses.PAUSE_S


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Several tests at once, more than there are cores, for most of them wait; one after the other for single files."""
    return 0 if all(".py" in argument for argument in config.args) else TESTS_AT_ONCE


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the levels of which the run wants no test: to read them takes each worker seconds."""
    unwanted = {"slow": NEVER_SLOW, "not slow and not by_hand": SLOW}.get(config.option.markexpr, ())
    return True if collection_path.parent == TESTS and collection_path.name in unwanted else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow and what must stay together, and put the tests in the order in which they fill the machine."""
    for item in items:
        _mark(item)
    items.sort(key=_turn)
    busy = sorted(filter(is_busy, items), key=lambda item: BUSY.index(level_of(item.path)))
    waiting = [item for item in items if _turn(item) < 2 and not is_busy(item)]
    # both spread over the same time
    places = {item: (place + 0.5) / len(those) for those in (busy, waiting) for place, item in enumerate(those)}
    items.sort(key=lambda item: places.get(item, 1))


def _mark(item: pytest.Item) -> None:
    if is_slow(item):
        item.add_marker(pytest.mark.slow)
    if level_of(item.path) in NEVER_SLOW and item.get_closest_marker("slow"):
        raise pytest.UsageError(f"{item.nodeid} is slow: move it to another level, `pytest -m slow` looks there")
    if item.get_closest_marker("alone"):
        item.add_marker(pytest.mark.xdist_group("alone"))
        item.add_marker(pytest.mark.flaky(reruns=1, condition=machine_paused))
    elif "hosts" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.xdist_group("hosts"))  # they are made once, so one worker has these tests
    if is_busy(item):
        item.add_marker(pytest.mark.timeout(BUSY_TIMEOUT_S))


@pytest.hookimpl(specname="pytest_collection_modifyitems", trylast=True)
def check_groups(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Fail if xdist has not marked the tests of a group: then it spreads them, and nobody would notice."""
    if hasattr(config, "workerinput") and config.getvalue("dist") == "loadgroup":
        assert all("@" in item.nodeid for item in items if item.get_closest_marker("xdist_group"))


def is_slow(item: pytest.Item) -> bool:
    """Tell whether a test belongs to `pytest -m slow`: by its level, or because it measures or opens a browser."""
    if item.get_closest_marker("by_hand"):
        return False
    return level_of(item.path) in SLOW or any(item.get_closest_marker(name) for name in ("alone", "browser"))


def is_busy(item: pytest.Item) -> bool:
    """Tell whether a test fills the gaps of others."""
    return level_of(item.path) in BUSY and item.get_closest_marker("slow") is not None


@cache
def level_of(path: Path) -> str:
    """Return the directory below tests/ that a test file is in."""
    return path.relative_to(TESTS).parts[0]


def _turn(item: pytest.Item) -> int:
    """Return 0 for long tests, so that no worker still has one at the end, up to 3 for those that measure, in a row."""
    groups = [mark.args[0] for mark in item.iter_markers("xdist_group")]
    if groups:
        return 3 if "alone" in groups else 0
    return 2 if level_of(item.path) in SHORT else 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tests run several at once, for most of them wait; those that measure (`alone`) wait until no other runs.

    What a test needs is made ready within its turn, too: a broker that starts is a load.
    """
    global _began_s
    _began_s = time.monotonic()
    if not hasattr(item.config, "workerinput"):
        return (yield)
    alone, steps_aside = item.get_closest_marker("alone") is not None, is_busy(item) and os.geteuid() == 0
    assert item.config.cache is not None
    shared = item.config.cache.mkdir("room")  # by all workers
    with (shared / "door.lock").open("w") as door, (shared / "room.lock").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)  # who waits for an empty room stands in the door: nobody else comes in
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        _began_s = time.monotonic()
        if not steps_aside:
            return (yield)
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, LOWEST)
        try:
            return (yield)
        finally:
            os.setpriority(os.PRIO_PROCESS, 0, usual)  # only root may


def lacking(what: str, remedy: str) -> NoReturn:
    """This test cannot run here: skipped, or failed where nothing may be skipped."""
    sentence = f"{what}; remedy: {remedy}"
    if os.environ.get("MALARIA_NO_SKIP") == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@pytest.fixture
def start_mosquitto_with() -> Iterator[Callable[[str], RunningBroker]]:
    """Starts mosquitto with further lines of configuration, as often as wanted; all are stopped after the test."""
    if find_mosquitto() is None:
        lacking("mosquitto is not installed", "apt install mosquitto")
    started: list[RunningBroker] = []

    def start(settings: str = "") -> RunningBroker:
        started.append(start_mosquitto(MosquittoSettings(further=tuple(settings.splitlines()))))
        return started[-1]

    yield start
    for broker in started:
        clear_away(broker)


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[RunningBroker]:
    """A mosquitto that lets everybody in, for the whole session: tests use topics and client ids of their own."""
    if find_mosquitto() is None:
        lacking("mosquitto is not installed", "apt install mosquitto")
    with start_mosquitto() as broker:
        yield broker


@pytest.fixture
def own_mosquitto(start_mosquitto_with: Callable[[str], RunningBroker]) -> RunningBroker:
    """A mosquitto for one test alone, which may stop, kill, freeze or count it."""
    return start_mosquitto_with("")


@pytest.fixture(scope="session")
def mosquitto_everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    """One mosquitto with a listener of every kind, its certificates and its PSK file; for the whole session."""
    if find_mosquitto() is None:
        lacking("mosquitto is not installed", "apt install mosquitto")
    with mosquitto_of_every_kind(tmp_path_factory.mktemp("everything")) as everything:
        yield everything


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """An sshd on loopback, for the whole session. Its user is ours."""
    if reason := missing_for_sshd():
        lacking(reason, "apt install openssh-server openssh-client, and run as root or make /run/sshd")
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def amqtt_broker() -> Iterator[RunningBroker]:
    """The embedded broker."""
    if importlib.util.find_spec("amqtt") is None:
        lacking("amqtt is not installed", "uv sync")
    broker = start_embedded()
    yield broker
    clear_away(broker)


def clear_away(broker: RunningBroker) -> None:
    broker.stop()
    shutil.rmtree(broker.log.parent, ignore_errors=True)
