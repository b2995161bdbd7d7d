"""Bad weather: whatever dies, freezes or lies, the attack ends in time, its data can be read, the report says why."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from attacking import run_attack, until, workers_of
from malaria.attacks.interrupt import Interrupt
from malaria.attacks.runner import AttackOutcome
from malaria.broker import RunningBroker
from malaria.errors import RunError
from malaria.records.rows import Counter, EventKind, Progress
from malaria.records.store import open_run

QUICK = {"clients": 20, "rate": "10", "reconnect": ["100ms", "500ms"], "duration": "4s"}
MALARIA = [sys.executable, "-m", "malaria"]


class Once:
    """Does something once, when so many messages have been acknowledged."""

    def __init__(self, act: Callable[[], None], after: int) -> None:
        self._act, self._after, self.done = act, after, False

    def __call__(self, progress: Progress) -> None:
        if not self.done and progress.totals.get("acked", 0) >= self._after:
            self.done = True
            self._act()


def attack(port: int, tmp_path: Path, act: Callable[[], None], after: int = 100, **options: Any) -> AttackOutcome:
    once = Once(act, after)
    outcome = run_attack(port, tmp_path, subscribers=1, on_progress=once, **(QUICK | options))
    assert once.done
    return outcome


def is_over(process: psutil.Process) -> bool:
    """It is gone, or waits only for somebody to hear of its end."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# --- the broker ------------------------------------------------------------------------------------------------------


def test_a_killed_broker_is_a_fail_with_the_figures_until_then(own_mosquitto: RunningBroker, tmp_path: Path) -> None:
    outcome = attack(own_mosquitto.port, tmp_path, lambda: os.kill(own_mosquitto.pid, signal.SIGKILL), drain="1s")
    summary = outcome.summary
    assert summary["verdict"]["outcome"] == "FAIL"
    assert summary["clients"]["connected"] == 0
    assert summary["clients"]["dropped"] == 21
    assert summary["messages"]["due"] == 800 > summary["messages"]["sent"]
    assert outcome.run.meta.connect_failures == {"nothing listens at this port": 21}


# --- ourselves -------------------------------------------------------------------------------------------------------


def test_a_killed_worker_leaves_its_share_unknown_and_the_rest_readable(
    mosquitto: RunningBroker, tmp_path: Path
) -> None:
    """Killed when more is acknowledged than the other could have: so it has told of some of its own before."""
    share = 800

    def kill() -> None:
        workers_of(os.getpid())[0].kill()

    outcome = attack(mosquitto.port, tmp_path, kill, after=share + 1, workers=2, duration="8s")
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
    assert "SIGKILL" in outcome.summary["verdict"]["reasons"][0]
    assert "1/2" in outcome.summary["verdict"]["reasons"][0]
    assert outcome.summary["messages"]["lost"] is None
    assert outcome.summary["messages"]["sent"] > share
    assert [event for event in outcome.run.events if event.kind is EventKind.LOST]


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_with_a_report(mosquitto: RunningBroker, tmp_path: Path, times: int) -> None:
    interrupt = Interrupt()

    def press() -> None:
        interrupt.count = times

    outcome = attack(mosquitto.port, tmp_path, press, interrupt=interrupt, duration="60s")
    summary = outcome.summary
    assert summary["verdict"]["outcome"] == "UNKNOWN"
    assert "stopped by the operator" in summary["verdict"]["reasons"][0]
    assert times == 2 or summary["messages"]["lost"] == 0  # who stops now does not wait for what is under way
    assert summary["messages"]["due"] < 3000


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*MALARIA, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def measuring(directory: Path) -> bool:
    if not (directory / "run.db").exists():
        return False
    try:
        samples = open_run(directory).samples
    except RunError:  # just being begun
        return False
    return sum(sample.counters.get(Counter.ACKED, 0) for sample in samples) > 20


def long_load(place: Path) -> tuple[str, str]:
    """A minute of load; neither INVALID nor falling behind is tested here, however busy the machine is."""
    file = place / "long.toml"
    group = '[[group]]\nname = "g"\nclients = 20\nrate = 10\nqos = 1\ntopic = "t/{index}"\n'
    listener = '[[group]]\nname = "s"\nrole = "subscribe"\nclients = 1\nqos = 1\ntopic = "t/+"\n'
    easy = '[thresholds]\n"rates.acked_per_s" = ">= 1% of due"\n'
    file.write_text(f'[attack]\nduration = "60s"\nown_lag_limit = "1m"\n{group}{listener}{easy}')
    return "-w", str(file)


def test_the_command_answers_ctrl_c_with_the_verdict_and_exit_code_4(mosquitto: RunningBroker, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with command("attack", f"127.0.0.1:{mosquitto.port}", *long_load(tmp_path), "-o", str(run)) as process:
        until(lambda: measuring(run))
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 4
    assert "UNKNOWN" in output
    assert "stopped by the operator" in output
    assert "Traceback" not in output
    assert (run / "report.html").exists()
    assert json.loads((run / "summary.json").read_text())["messages"]["lost"] == 0


def test_ctrl_c_while_the_workers_start_is_quiet(mosquitto: RunningBroker, tmp_path: Path) -> None:
    arguments = [*MALARIA, "attack", f"127.0.0.1:{mosquitto.port}", *long_load(tmp_path), "-o", str(tmp_path / "run")]
    arguments += ["--workers", "1"]
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    until(lambda: bool(workers_of(process.pid)))  # a child before its exec is still in the group of its parent
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everybody in the foreground
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "Traceback" not in output
    assert "SIGINT" not in output


def test_a_killed_conductor_takes_its_workers_along_and_leaves_a_readable_run(
    mosquitto: RunningBroker, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with command("attack", f"127.0.0.1:{mosquitto.port}", *long_load(tmp_path), "-o", str(run)) as process:
        until(lambda: measuring(run))
        workers = workers_of(process.pid)
        assert workers
        process.kill()
        until(lambda: all(map(is_over, workers)))
    shown = subprocess.run([*MALARIA, "report", str(run)], capture_output=True, text=True, check=False)
    assert "the run did not finish" in shown.stdout
    assert "Traceback" not in shown.stdout + shown.stderr


def test_a_password_is_nowhere_but_on_the_wire(mosquitto: RunningBroker, tmp_path: Path) -> None:
    """Not in argv of a worker, not on the screen, not in any file of the run."""
    run, secret = tmp_path / "run", "correct-horse-battery"
    target = f"mqtt://karl:{secret}@127.0.0.1:{mosquitto.port}"
    with command("attack", target, *long_load(tmp_path), "-d", "10s", "-o", str(run)) as process:
        until(lambda: measuring(run))
        seen = " ".join(" ".join(worker.cmdline()) for worker in workers_of(process.pid))
        environments = " ".join(str(worker.environ()) for worker in workers_of(process.pid))
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "malaria.engine.worker" in seen
    stored = b"".join(path.read_bytes() for path in run.iterdir() if path.is_file())
    for place in (seen, environments, output, stored.decode(errors="replace")):
        assert secret not in place
    assert "karl" in stored.decode(errors="replace")


# --- this machine ---


def limited(arguments: list[str], files: int) -> subprocess.CompletedProcess[str]:
    limits = f"import resource, os, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files})); "
    run = "os.execv(sys.executable, [sys.executable, '-m', 'malaria', *sys.argv[1:]])"
    return subprocess.run([sys.executable, "-c", limits + run, *arguments], capture_output=True, text=True, check=False)


def test_more_clients_than_open_files_is_said_before_the_attack(mosquitto: RunningBroker, tmp_path: Path) -> None:
    done = limited(["attack", f"127.0.0.1:{mosquitto.port}", "-c", "500", "-o", str(tmp_path / "run")], 256)
    assert done.returncode == 2
    assert "open files" in done.stderr
    assert "--workers" in done.stderr
    assert not (tmp_path / "run").exists()


def test_more_clients_than_ports_is_said_before_the_attack(mosquitto: RunningBroker, tmp_path: Path) -> None:
    arguments = ["attack", f"127.0.0.1:{mosquitto.port}", "-c", "60000", "--workers", "10",
                 "--source-address", "127.0.0.1", "-o", str(tmp_path / "run")]  # fmt: skip
    done = subprocess.run([*MALARIA, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "ports" in done.stderr
    assert "--source-address" in done.stderr
