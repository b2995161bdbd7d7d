"""The real command in bad weather: in a process group of its own, as from a terminal, judged by what the operator sees.

Whatever fails, the command ends by itself, says what happened with the right exit code, and leaves records that
`malaria report` reads. What is stored of such a run is looked at more closely in test_weather.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from conftest import lacking
from malaria.broker import RunningBroker
from malaria.records.rows import Counter
from malaria.records.run import Run
from malaria.records.store import open_run
from stub_broker import Behaviour
from stub_server import StubServer

MALARIA: Final = str(Path(sys.executable).with_name("malaria"))
PATIENCE_S: Final = 60.0
UNDER_WAY: Final = "ack p50"  # on the screen once a message was acknowledged
PASS, FAIL, BAD_COMMAND, UNKNOWN = 0, 1, 2, 4
LOAD: Final = ("-c", "20", "-I", "100ms", "--drain", "2s", "--connect-timeout", "1s", "--workers", "2")
WARHEAD: Final = """
[attack]
duration = "60s"
reconnect = ["100ms", "500ms"]  # not the seconds of the default: the runs are short
own_lag_limit = "1m"  # a busy machine makes our messages late; that verdict (INVALID) has tests of its own
[[group]]
name = "speakers"
clients = 20
interval = "100ms"
topic = "weather/{client}"
[[group]]
name = "listener"
role = "subscribe"
clients = 1
topic = "weather/+"
"""


class Attack:
    """`malaria attack` under way, in a session of its own as from a terminal, its screen in a file."""

    def __init__(self, place: Path, port: int, *options: str, target: str = "", limit: Callable[[], None] | None = None,
                 run: Path | None = None) -> None:  # fmt: skip
        self.directory = run or place / "run"
        self.place = place
        self._screen = place / "screen.txt"
        (place / "weather.toml").write_text(WARHEAD)
        target = target or f"mqtt://127.0.0.1:{port}"
        command = [
            MALARIA,
            "attack",
            target,
            "-w",
            str(place / "weather.toml"),
            *LOAD,
            "-o",
            str(self.directory),
            *options,
        ]
        with self._screen.open("wb") as sink:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=limit,
                cwd=place,
            )
        self._seen: dict[int, psutil.Process] = {}

    @property
    def screen(self) -> str:
        return self._screen.read_text(errors="replace")

    def until(self, said: str) -> Attack:
        """Waits for words on the screen."""
        wait_for(lambda: said in self.screen or self.process.poll() is not None, f"{said!r} on the screen")
        assert said in self.screen, self.screen
        return self

    def workers(self) -> list[psutil.Process]:
        """The worker processes; whoever was once seen is remembered for `clear_away`."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self._seen |= {child.pid: child for child in children}
        return [child for child in children if "malaria.engine.worker" in child.cmdline()]

    def ctrl_c(self) -> None:
        """As the terminal does it: to everybody in the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """Waits for the end; the exit code."""
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            pytest.fail(f"malaria did not come to an end:\n{self.screen}")

    def run(self) -> Run:
        return open_run(self.directory)

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / "summary.json").read_text())
        return found

    def clear_away(self) -> None:
        for process in (*self._seen.values(), self.process):
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.kill()
        self.process.wait()


def wait_for(happened: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.02)


def malaria(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MALARIA, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def total(records: Run, counter: Counter) -> int:
    return sum(sample.counters.get(counter, 0) for sample in records.samples)


def words(screen: str) -> str:
    """What is said, however it is broken into lines."""
    return " ".join(screen.split())


def assert_reportable(attack: Attack) -> None:
    """`malaria report` makes the page of it anew."""
    page = attack.place / "again"
    again = malaria("report", str(attack.directory), "-o", str(page))
    assert again.returncode == 0, again.stderr
    assert (page / "report.html").stat().st_size > 10_000


def mount_small_disk(place: Path, kib: int) -> Path:
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "malaria-test", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True, timeout=10).returncode:
        lacking("no small disk can be mounted", "run the tests as root (or in a VM)")
    return place


@pytest.fixture
def attack(tmp_path: Path) -> Iterator[Callable[..., Attack]]:
    """Begins an attack on a port; whatever is left of it is ended after the test."""
    begun: list[Attack] = []

    def begin(port: int, *options: str, **more: Any) -> Attack:
        begun.append(Attack(tmp_path, port, *options, **more))
        return begun[-1]

    yield begin
    for one in begun:
        one.clear_away()


# --- the broker ----------------------------------------------------------------------------------------------------


def test_a_broker_that_restarts_on_the_same_port(
    attack: Callable[..., Attack], start_mosquitto_with: Callable[[str], RunningBroker]
) -> None:
    first = start_mosquitto_with("")
    hit = attack(first.port, "-d", "10s", "--drain", "10s").until(UNDER_WAY)
    first.stop()
    start_mosquitto_with(f"listener {first.port} 127.0.0.1\nallow_anonymous true")
    assert hit.end() == FAIL, hit.screen
    summary = hit.summary()
    assert summary["clients"]["dropped"] == 21
    assert summary["clients"]["reconnects"] == 21
    assert summary["clients"]["connected"] == 21
    assert summary["messages"]["unresolved"] == 0, "QoS 1 messages under way are sent again on the new connection"
    assert_reportable(hit)


def test_a_broker_that_stops_reading(attack: Callable[..., Attack]) -> None:
    with StubServer(Behaviour(never_read=True)) as stub:
        hit = attack(stub.port, "-d", "2s", "-s", "100000", "-q", "0", "-I", "20ms")
        assert hit.end() == FAIL, hit.screen
    messages = hit.summary()["messages"]
    assert messages["sent"] < messages["due"]


# --- the operator --------------------------------------------------------------------------------------------------


def test_ctrl_c_once_drains_and_reports(attack: Callable[..., Attack], mosquitto: RunningBroker) -> None:
    hit = attack(mosquitto.port, "-d", "60s").until(UNDER_WAY)
    hit.ctrl_c()
    assert hit.end() == UNKNOWN, hit.screen
    summary = hit.summary()
    assert summary["messages"]["unresolved"] == summary["messages"]["lost"] == 0
    assert summary["messages"]["sent"] == summary["messages"]["acked"]
    assert "stopped by the operator" in hit.screen
    assert "Traceback" not in hit.screen
    assert (hit.directory / "report.html").exists()


def test_ctrl_c_twice_stops_now_and_still_reports(attack: Callable[..., Attack], mosquitto: RunningBroker) -> None:
    hit = attack(mosquitto.port, "-d", "60s", "--drain", "60s").until(UNDER_WAY)
    os.kill(mosquitto.pid, signal.SIGSTOP)  # nothing can be drained
    try:
        hit.ctrl_c()
        hit.until("interrupted")
        hit.ctrl_c()
        assert hit.end() == UNKNOWN, hit.screen
    finally:
        os.kill(mosquitto.pid, signal.SIGCONT)
    assert "interrupted again: stopping now" in hit.screen
    assert hit.summary()["messages"]["unresolved"] > 0
    assert (hit.directory / "report.html").exists()


def test_ctrl_c_while_clients_connect(attack: Callable[..., Attack], mosquitto: RunningBroker) -> None:
    hit = attack(mosquitto.port, "-d", "60s", "-R", "2").until("connect")
    hit.ctrl_c()
    assert hit.end() == UNKNOWN, hit.screen
    assert "stopped by the operator" in hit.screen
    assert "Traceback" not in hit.screen


# --- our own processes ---------------------------------------------------------------------------------------------


def test_a_worker_that_is_killed(attack: Callable[..., Attack], mosquitto: RunningBroker) -> None:
    hit = attack(mosquitto.port, "-d", "10s").until(UNDER_WAY)
    wait_for(lambda: {sample.worker for sample in hit.run().samples} == {"1", "2"}, "a first sample of each")
    victim, _ = hit.workers()
    victim.kill()
    assert hit.end() == UNKNOWN, hit.screen
    run = hit.run()
    (lost,) = run.meta.lost_workers  # type: ignore[misc]
    assert "SIGKILL" in lost.reason
    assert lost.share
    assert f"worker {lost.worker} was killed by SIGKILL: its share" in words(hit.screen)
    last = {name: max(s.end_ns for s in run.samples if s.worker == name) for name in ("1", "2")}
    other = {"1": "2", "2": "1"}[lost.worker]
    assert last[other] > last[lost.worker], "the other went on"
    assert hit.summary()["messages"]["lost"] is None, "unknown is not nought"
    assert_reportable(hit)


def test_every_worker_killed(attack: Callable[..., Attack], mosquitto: RunningBroker) -> None:
    hit = attack(mosquitto.port, "-d", "60s").until(UNDER_WAY)
    for worker in hit.workers():
        worker.kill()
    assert hit.end() == UNKNOWN, hit.screen
    assert len(hit.run().meta.lost_workers) == 2  # type: ignore[arg-type]


# --- the machine ---------------------------------------------------------------------------------------------------


def test_a_low_soft_limit_of_open_files_is_raised(attack: Callable[..., Attack], mosquitto: RunningBroker) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (40, 4096))
    hit = attack(mosquitto.port, "-c", "200", "-I", "1s", "-d", "2s", limit=limit)
    assert hit.end() == PASS, hit.screen
    assert hit.summary()["clients"]["connected"] == 201


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Asked for before the attack, so that it is taken away after it: a busy disk cannot be unmounted."""
    place = mount_small_disk(tmp_path / "disk", 2048)
    yield place
    subprocess.run(["umount", str(place)], check=True, timeout=10)


def fill(disk: Path) -> None:
    """Until not one more page fits."""
    with (disk / "ballast").open("ab", buffering=0) as ballast, suppress(OSError):
        while ballast.write(bytes(4096)):
            pass


def test_a_disk_that_fills_up(small_disk: Path, attack: Callable[..., Attack], mosquitto: RunningBroker) -> None:
    hit = attack(mosquitto.port, "-d", "10s", run=small_disk / "run").until(UNDER_WAY)
    fill(small_disk)
    assert hit.end() == UNKNOWN, hit.screen
    assert "Traceback" not in hit.screen
    assert "disk is full" in words(hit.screen)
    assert "make room there or choose another disk with -o" in words(hit.screen)
    assert total(hit.run(), Counter.SENT) > 0
    assert_reportable(hit)


def test_a_disk_that_is_full_from_the_start(
    small_disk: Path, attack: Callable[..., Attack], mosquitto: RunningBroker
) -> None:
    fill(small_disk)
    hit = attack(mosquitto.port, "-d", "2s", run=small_disk / "run")
    assert hit.end() == BAD_COMMAND, hit.screen
    assert "cannot write a run" in words(hit.screen)
    assert "Traceback" not in hit.screen


# --- secrets -------------------------------------------------------------------------------------------------------

SECRET: Final = "hunter2-Xy"


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("mqtt://me@127.0.0.1:{port}", ("-P", SECRET)),
        ("127.0.0.1:{port}", ("-u", "me", f"--password={SECRET}")),
    ],
    ids=["-P", "--password="],
)
def test_a_password_is_nowhere_to_be_found(
    target: str,
    options: tuple[str, ...],
    attack: Callable[..., Attack],
    start_mosquitto_with: Callable[[str], RunningBroker],
    tmp_path: Path,
) -> None:
    """Whoever types it on a command line shows that line to `ps`; we show it no further."""
    broker = start_mosquitto_with(f"password_file {password_file(tmp_path)}")
    hit = attack(broker.port, "-d", "8s", *options, target=target.format(port=broker.port))
    hit.until(UNDER_WAY)
    workers = hit.workers()
    assert len(workers) == 2
    assert not [worker for worker in workers if SECRET in " ".join(worker.cmdline())]
    assert not [worker for worker in workers if SECRET in str(worker.environ())]
    assert_secret_is_nowhere(hit.directory)  # as a reader finds it meanwhile, with its log
    assert hit.end() == PASS, hit.screen
    assert_reportable(hit)
    assert_secret_is_nowhere(tmp_path)


def password_file(place: Path) -> Path:
    file = place / "passwords"
    try:
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(file), "me", SECRET], check=True, capture_output=True)
    except FileNotFoundError:
        lacking("mosquitto_passwd is not installed", "apt install mosquitto")
    return file


def assert_secret_is_nowhere(place: Path) -> None:
    files = [path for path in place.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
