"""The worker processes of this host: real processes, without a broker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from malaria.clock import now_ns
from malaria.control.messages import Prepared, WorkerLost
from malaria.model.warhead_options import build_warhead
from malaria.plan.clients import Identity
from malaria.schedule.share import WHOLE
from malaria.workers.local import Load, LocalWorkers
from routes import route_at

NOWHERE = route_at("127.0.0.1", 1)


@pytest.fixture
def pool() -> Iterator[LocalWorkers]:
    warhead = build_warhead({}, subscriber=False)
    routes = {group.name: NOWHERE for group in warhead.groups}
    with LocalWorkers(Load(warhead, Identity("run", 1, 1), routes, now_ns()), WHOLE, 2) as workers:
        yield workers


def prepared(pool: LocalWorkers) -> None:
    missing = set(pool.workers)
    while missing:
        missing -= {worker for worker, report in pool.poll(60) if isinstance(report, Prepared)}


@pytest.mark.parametrize("ready", [False, True])
def test_stopped_workers_do_not_hold_up_the_end(pool: LocalWorkers, ready: bool) -> None:
    if ready:
        prepared(pool)
    for pid in pool.pids.values():
        os.kill(pid, signal.SIGSTOP)
    begin_s = time.monotonic()
    pool.close()
    assert time.monotonic() - begin_s < 2


def test_a_worker_that_fails_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    warhead = build_warhead({}, subscriber=False)
    with LocalWorkers(Load(warhead, Identity("run", 1, 1), {}, now_ns()), WHOLE, 1) as workers:  # no route
        reports = workers.poll(60)
    assert len(reports) == 1
    assert isinstance(reports[0][1], WorkerLost)
    assert reports[0][1].reason.startswith("failed: KeyError")
    assert capfd.readouterr().err == ""


def test_workers_whose_conductor_is_gone_before_they_are_ready_end_silently(capfd: pytest.CaptureFixture[str]) -> None:
    warhead = build_warhead({}, subscriber=False)
    routes = {group.name: NOWHERE for group in warhead.groups}
    pool = LocalWorkers(Load(warhead, Identity("run", 1, 1), routes, now_ns()), WHOLE, 2)
    processes = [psutil.Process(pid) for pid in pool.pids.values()]
    for worker in pool._processes:
        worker.channel.close()  # as when malaria was killed
    gone, alive = psutil.wait_procs(processes, timeout=60)
    assert (len(gone), alive) == (2, [])
    pool.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_processes_leaves_the_workers_to_their_conductor(
    pool: LocalWorkers, number: signal.Signals
) -> None:
    prepared(pool)
    for pid in pool.pids.values():
        os.kill(pid, number)
    assert pool.working
    assert not [report for _, report in pool.poll(0.5) if isinstance(report, WorkerLost)]


STUCK = """
import socket, sys, time
from malaria.engine.worker import end_with_conductor
end_with_conductor(int(sys.argv[1]), 0.2)
print("ready", flush=True)
time.sleep(600)
"""


def test_a_worker_that_cannot_stop_ends_when_its_conductor_is_gone() -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-c", STUCK, str(theirs.fileno())]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert process.poll() is None
        ours.close()
        theirs.close()
        assert process.wait(60) == 1
