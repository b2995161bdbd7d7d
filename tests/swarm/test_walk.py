"""A swarm as an operator finds it, from `add` to `down`, with the faults on the way: every command is typed, and every
line that it prints is one that an operator can act on.

Hosts are network namespaces with a real sshd each; the commands run as processes of this machine, which is the
conductor. `uv run pytest -m slow -n 0 -s tests/swarm/test_walk.py` shows the dialogue. The tests are chapters: each
goes on where the one before has ended.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncssh
import pytest
import tomli_w

from attacking import until
from malaria.cli.main import main
from malaria.errors import RunError
from malaria.records.rows import Counter, Gauge, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.store import open_run
from malaria.ssh.connection import SshTimeouts
from malaria.swarm.hosts.inventory import BeeHost
from namespaces import Network
from swarm_attacks import listening, settle_in

S: Final = 1_000_000_000
RAW: Final = re.compile(
    r"Traceback|\[Errno|Connect call failed|never retrieved|8\.8\.8\.8|^Failure|asyncssh|_ssl\.c|\bOSError|Exception\b|"
    r"object at 0x|Task was destroyed|this is a bug|\bNone\b|<class"
)
"""Texts of libraries, which say nothing to an operator."""


@dataclass
class Walk:
    """The operator's shell, and the bees that are there."""

    net: Network
    broker: str
    place: Path

    def type(self, words: str, *codes: int) -> str:
        """Type a command; return what it prints. It must end with one of the codes (0 if there is none)."""
        begin_s, shown = time.monotonic(), io.StringIO()
        with redirect_stdout(shown), redirect_stderr(shown):
            code = main(shlex.split(words))
        return self._heard(words, shown.getvalue(), code, codes or (0,), time.monotonic() - begin_s)

    def start(self, words: str) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "malaria", *shlex.split(words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _heard(self, words: str, said: str, code: int | None, codes: Sequence[int], took_s: float) -> str:
        print(f"\n$ malaria {words}   [{took_s:.1f} s, {code}]\n{said}", flush=True)
        assert code in codes, said
        assert [line for line in said.splitlines() if RAW.search(line)] == []
        return said

    @contextmanager
    def typing(self, words: str, *codes: int) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
        """Have a command running in the block; what it printed is in the list afterwards."""
        begin_s, said = time.monotonic(), list[str]()
        process = self.start(words)
        try:
            yield process, said
            printed, _ = process.communicate(timeout=100)
            said.append(self._heard(words, printed, process.returncode, codes or (0,), time.monotonic() - begin_s))
        finally:
            process.kill()

    def bee(self, number: int) -> BeeHost:
        """Bees 1 to 4 are on hosts of their own; 5 and 6 share the first two hosts."""
        host = self.net.hosts[(number - 1) % 4]
        directory = self.place / "bees" / f"bee-{number}"
        return BeeHost(
            name=f"bee-{number}", host=host.address, ssh_config=str(self.net.ssh_config), directory=str(directory)
        )

    def directory(self, number: int) -> Path:
        return Path(self.bee(number).directory)

    def pid(self, number: int) -> int:
        return int((self.directory(number) / "bee.pid").read_text())

    def processes(self, number: int) -> set[int]:
        """The process of a bee, and its workers."""
        pid = self.pid(number)
        children = [
            int(one) for file in Path(f"/proc/{pid}/task").glob("*/children") for one in file.read_text().split()
        ]
        return {pid, *children}

    def inventory(self, name: str, bees: Sequence[BeeHost]) -> str:
        (self.place / name).write_text(tomli_w.dumps({"bee": [bee.model_dump(exclude_defaults=True) for bee in bees]}))
        return name

    def summary(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.place / run / "summary.json").read_text())
        return found


LOAD: Final = "-I 250ms --workers 1 --observe none"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's directory, with the bees of all hosts below it."""
    made = tmp_path_factory.mktemp("walk")
    (made / "bees").mkdir()
    return made


@pytest.fixture
def walk(hosts: Network, broker_url: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> Walk:
    monkeypatch.chdir(place)
    monkeypatch.setenv("MALARIA_HOME", str(place / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return Walk(hosts, broker_url, place)


def is_over(pid: int) -> bool:
    """Return whether a process has ended; its parent, which may be stopped, need not have noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def samples_of(records: Run) -> list[Sample]:
    """Return all samples, with those from the disks of lost bees."""
    return [*records.samples, *records.after_loss]


def check_once(records: Run) -> None:
    """No period of a worker is there twice."""
    periods = [(sample.worker, sample.start_ns, sample.end_ns) for sample in samples_of(records)]
    assert len(periods) == len(set(periods))


def last_of(records: Run, worker: str, phase: RunPhase) -> int:
    """Return when the last period of a worker in that phase ended."""
    return max((s.end_ns for s in samples_of(records) if (s.worker, s.phase) == (worker, phase)), default=0)


def measured(directory: Path, workers: int) -> bool:
    """Return whether so many workers have records of the measured time on the disk of the conductor."""
    try:
        records = open_run(directory)
    except RunError:  # it is not there yet, or just being made
        return False
    phase = RunPhase.MEASURE
    return len({s.worker for s in records.samples if s.phase is phase and s.counters.get(Counter.SENT)}) >= workers


def ready_clients(directory: Path) -> int:
    """Return how many clients the workers last said to be ready, as the conductor's disk has it."""
    last = {s.worker: s for s in open_run(directory).samples}
    return sum(s.gauges.get(Gauge.CLIENTS_READY, 0) for s in last.values())


def test_1_from_add_to_an_attack(walk: Walk) -> None:
    """With a directory that is another's, a key that is dealt, and a host under two names."""
    walk.type(f"swarm add --inventory {walk.inventory('two.toml', [walk.bee(1), walk.bee(2)])}")
    assert walk.type("swarm list").splitlines()[0] == "bees: 2 bees"
    said = walk.type(f"swarm prepare --no-packages --etc {walk.place}/etc --bee bee-1")
    assert "net.ipv4.ip_local_port_range = 1024 65535 (was" in said
    walk.directory(2).mkdir()
    (walk.directory(2) / "thesis.tex").write_text("mine")
    said = walk.type(f"attack {walk.broker} -c 2 -d 1s --swarm bees {LOAD} -o none", 2)
    assert "nothing is deployed there" in said
    assert "run: malaria swarm deploy" in said
    assert not (walk.place / "none").exists()
    again = walk.bee(1).model_copy(update={"name": "again", "user": walk.net.user})
    walk.type(f"swarm add --inventory {walk.inventory('again.toml', [again])}")
    said = walk.type("swarm deploy", 1)
    assert "holds files that are not malaria's: give the bee another directory" in said
    assert "it is the same host and directory as" in said
    assert "take one out, then deploy again: malaria swarm remove" in said
    walk.type("swarm remove again")
    (walk.directory(2) / "thesis.tex").unlink()
    assert "on Python 3.13" in walk.type("swarm deploy")
    assert "is there already" in walk.type("swarm deploy --bee bee-1")
    (walk.place / "malaria.psk").write_text("".join(f"meter-{n}:{n:04x}\n" for n in range(10)))
    assert "part 2 of 2: 5 of 10 lines" in walk.type("swarm share-keys malaria.psk")
    said = walk.type("swarm status")
    assert "1/2: 5" in said
    assert "this swarm can make" in said
    with walk.typing(f"attack {walk.broker} -c 8 -d 100s --swarm bees {LOAD} -o first", 0, 3):
        until(lambda: measured(walk.place / "first", 2), 60)
        assert "6 more clients of publishers connect" in walk.type("steer first +6")
        until(lambda: ready_clients(walk.place / "first") == 8 + 1 + 6, 60)
        walk.type("steer first -3 end")
    summary = walk.summary("first")
    messages, clients = summary["messages"], summary["clients"]
    assert messages["due"] == messages["sent"] == messages["acked"] == messages["delivered"] == messages["expected"]
    assert clients["connected_peak"] == clients["planned"] == 15
    assert (clients["dropped"], clients["refused"]) == (0, 0)
    assert summary["generator"]["bees"] == 2
    until(lambda: not any((walk.directory(n) / "bee.pid").exists() for n in (1, 2)), 10)
    assert not any(list((walk.directory(n) / "spool").iterdir()) for n in (1, 2))


def test_2_a_bee_that_cannot_start_says_why_within_seconds(
    walk: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, a clock, another version, a missing package, a key, a host that does not exist."""
    for number in (3, 4, 5, 6):
        settle_in(walk.bee(number))
    python = {number: walk.directory(number) / "venv/bin/python" for number in (4, 5)}
    kept = {path: path.read_text() for path in python.values()}
    old = "import malaria; malaria.__version__ = '0.0.1'; import runpy, sys; sys.argv = sys.argv[2:]"
    old += "; runpy.run_module('malaria.swarm.run.bee_process', run_name='__main__', alter_sys=True)"
    python[4].write_text(f'#!/bin/sh\nexec {sys.executable} -c "{old}" "$@"\n')
    python[5].write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # without its packages
    (walk.directory(3) / "bee.holder").symlink_to("/dev/full")
    wrong_key, config, unknown = (tmp_path / name for name in ("wrong_key", "wrong_user", "unknown_host"))
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(wrong_key))
    config.write_text(walk.net.ssh_config.read_text().replace(str(walk.net.key), str(wrong_key)))
    unknown.write_text(walk.net.ssh_config.read_text().replace(str(walk.net.known_hosts), "none"))
    bees = [walk.bee(number) for number in (3, 4, 5, 6)]
    bees += [
        walk.bee(1).model_copy(update={"name": "stranger", "ssh_config": str(config)}),
        walk.bee(2).model_copy(update={"name": "impostor", "ssh_config": str(unknown)}),
        walk.bee(2).model_copy(update={"name": "mistyped", "host": "no-such-host.invalid"}),
    ]
    walk.type(f"swarm add --swarm faults --inventory {walk.inventory('faults.toml', bees)}")
    monkeypatch.setattr("malaria.swarm.run.ssh_launcher.OTHERS_S", 30.0)  # all are named, however slow this machine is
    said = walk.type(f"attack {walk.broker} -c 7 -d 1s --swarm faults --without bee-6 {LOAD} -o no", 2)
    for line in (
        "bee-3 (10.77.",
        "No space left on device",
        "free some space there",
        "the bee has malaria 0.0.1",
        "No module named 'malaria'",
        "malaria swarm deploy --swarm faults",
        "it refused the login",
        "add your key to its authorized_keys",
        "its host key is not in known_hosts",
        "ssh to it once",
        "mistyped (no-such-host.invalid): no such host",
        "check the spelling",
    ):
        assert line in said
    # to a bee, certificates that begin in two days are the same as a clock that is two days behind
    monkeypatch.setattr("malaria.swarm.run.certificates.EARLY", -timedelta(days=2))
    said = walk.type(f"attack {walk.broker} -c 7 -d 1s --swarm faults --bee bee-6 {LOAD} -o no", 2)
    assert "its clock says 20" in said
    assert "set its clock" in said
    assert not (walk.place / "no").exists()
    for path, text in kept.items():
        path.write_text(text)
    until(lambda: not any((walk.directory(number) / "bee.pid").exists() for number in (3, 4, 5, 6)), 10)
    # down cleans what it can, names the others, and forgets those by force
    said = walk.type("swarm down --swarm faults --bee mistyped", 1)
    assert "to forget them all the same: --force" in said
    walk.type("swarm remove mistyped stranger impostor --swarm faults --force")
    assert walk.type("swarm list").splitlines()[-4:] == [f"  {bee}" for bee in bees[:4]]


def test_3_bees_are_lost_in_every_way_and_the_last_goes_on(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker killed, a bee killed, a cable pulled for ten seconds, one for good, a bee stopped; the sixth is well."""
    walk.type(f"swarm add --swarm six --inventory {walk.inventory('six.toml', [walk.bee(n) for n in range(1, 7)])}")
    run = walk.place / "lost"
    stopped = 0
    try:
        with walk.typing(f"attack {walk.broker} -c 12 -d 14s --swarm six {LOAD} -o lost", 4) as (conductor, said):
            until(lambda: measured(run, 6), 90)
            assert conductor.poll() is None
            (worker,) = walk.processes(1) - {walk.pid(1)}
            os.kill(worker, signal.SIGKILL)
            os.kill(walk.pid(2), signal.SIGKILL)
            walk.net.hosts[2].cut()
            walk.net.hosts[3].cut()
            stopped, workers = walk.pid(5), walk.processes(5) - {walk.pid(5)}
            os.kill(stopped, signal.SIGSTOP)
            cut_s = time.monotonic()
            others = workers | {walk.pid(3), walk.pid(4)}
            until(lambda: all(map(is_over, others)), 25)  # each by itself
            time.sleep(max(0.0, cut_s + 10 - time.monotonic()))
            walk.net.hosts[2].join()
        verdict = walk.summary("lost")["verdict"]
        assert verdict["outcome"] == "UNKNOWN"
        for bee in ("bee-1", "bee-2", "bee-3", "bee-4", "bee-5"):
            assert any(reason.startswith(bee) and "1/6 of the load" in reason for reason in verdict["reasons"]), bee
            assert bee in said[0]
        # what they owed is not blamed on the broker
        blamed = ("broker", "acknowledged", "clients")
        assert not [reason for reason in verdict["reasons"] if any(word in reason for word in blamed)]
        records = open_run(run)
        check_once(records)
        assert last_of(records, "bee-6/1", RunPhase.MEASURE) >= 13 * S  # the sixth went on to the end
        monkeypatch.setattr("malaria.ssh.connection.TIMEOUTS", SshTimeouts(connect_s=6.0))
        assert "not reached" in walk.type("swarm status --swarm six", 1)
        assert "bee-4: not reached: " in walk.type("swarm collect lost", 1)
    finally:
        for host in walk.net.hosts[2:4]:
            host.join()
        if stopped and not is_over(stopped):
            os.kill(stopped, signal.SIGKILL)
    before = last_of(open_run(run), "bee-4/1", RunPhase.FINISH)
    assert "bee-4: " in walk.type("swarm collect lost")
    records = open_run(run)
    check_once(records)
    assert last_of(records, "bee-4/1", RunPhase.FINISH) > before == 0
    assert "nothing more" in walk.type("swarm collect lost")


def test_4_the_conductor_is_stopped_then_killed_and_its_records_are_collected(walk: Walk) -> None:
    run = walk.place / "orphan"
    words = f"attack {walk.broker} -c 8 -d 60s --swarm bees {LOAD} -o orphan"
    conductor = walk.start(words)
    try:
        until(lambda: measured(run, 2), 60)
        processes = walk.processes(1) | walk.processes(2)
        conductor.send_signal(signal.SIGSTOP)
        until(lambda: all(map(is_over, processes)), 20)
    finally:
        conductor.kill()
        conductor.wait()
    before = open_run(run)
    assert before.meta.end_ns is None
    said = walk.type("swarm collect orphan")
    assert "bee-1: " in said
    assert "seconds of records" in said
    records = open_run(run)
    check_once(records)
    for worker in ("bee-1/1", "bee-2/1"):
        assert last_of(before, worker, RunPhase.FINISH) == 0
        assert 0 < last_of(records, worker, RunPhase.FINISH) < last_of(before, worker, RunPhase.MEASURE) + 15 * S


QUIET_S: Final = 2.0
"""Clients publish eight times as often: who is silent so long has stopped."""


def last_message_s(heard: list[bytes]) -> float:
    """Return when the last message came, once none comes any more."""
    count, changed_s, limit_s = len(heard), time.monotonic(), time.monotonic() + 60
    while time.monotonic() < changed_s + QUIET_S:
        assert time.monotonic() < limit_s, "the load goes on"
        time.sleep(0.01)
        if len(heard) > count:
            count, changed_s = len(heard), time.monotonic()
    return changed_s


def test_5_two_people_on_one_swarm_and_an_abort(walk: Walk) -> None:
    with listening(walk.net.hosts[-1].address, "#") as heard:
        words = f"attack {walk.broker} -c 40 -d 100s --swarm bees {LOAD} -o aborted"
        with walk.typing(words, 4) as (conductor, said):
            until(lambda: len(heard) > 200, 60)
            assert conductor.poll() is None
            # another person has the same hosts, and another name
            for number in (1, 2):
                note = walk.directory(number) / "bee.holder"
                note.write_text(note.read_text().replace(f"{walk.net.user}@", "karl@"))
            walk.type(f"swarm add --swarm karls --inventory {walk.place}/two.toml")
            refusals = [
                walk.type(f"attack {walk.broker} -c 2 -d 1s --swarm karls {LOAD} -o no", 2),
                *[walk.type(f"swarm {command} --swarm karls", 1) for command in ("deploy", "abort", "down")],
                walk.type("swarm status --swarm karls"),
            ]
            since = r"karl@\S+ since \d{4}-\d\d-\d\d \d\d:\d\d UTC: malaria attack mqtt://"
            assert all(re.search(since, refusal) for refusal in refusals), refusals
            assert all("--force" in refusal for refusal in refusals[:-1])
            assert conductor.poll() is None
            began_s = time.monotonic()
            with walk.typing("swarm abort --force") as (_, shown):
                stopped_s = last_message_s(heard)
            assert "is stopping, and reports" in shown[0]
    print(f"the last message came {stopped_s - began_s:.2f} s after the command began")
    assert "stopped by the operator" in said[0]
    records, summary = open_run(walk.place / "aborted"), walk.summary("aborted")
    assert not records.meta.lost_workers
    assert summary["verdict"]["reasons"][0].startswith("stopped by the operator")
    assert summary["messages"]["expected"] == summary["messages"]["delivered"] > 0


CAMPAIGN: Final = """\
title = "two levels"
[target]
url = "{url}"
[defaults]
hold = "2s"
[[defaults.warhead.group]]
name = "meters"
clients = 4
interval = "250ms"
qos = 1
size = 60
topic = "t/{{client}}"
[[level]]
clients = 4
[[level]]
clients = 8
"""


def test_6_a_campaign_and_down(walk: Walk) -> None:
    (walk.place / "two-levels.toml").write_text(CAMPAIGN.format(url=walk.broker))
    walk.type("campaign two-levels.toml --swarm bees --workers 1 -o campaign", 0, 1, 3)
    levels = walk.summary("campaign")["levels"]
    assert [level["generator"]["bees"] for level in levels] == [2, 2]
    # abort ends what runs the bee's Python, also what does not listen, and nothing else
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    python, host = str(walk.directory(1) / "venv/bin/python"), walk.net.hosts[0]
    ours = subprocess.Popen(host.argv(python, "-c", deaf), stdout=subprocess.PIPE)
    other = subprocess.Popen(host.argv(sys.executable, "-c", deaf), stdout=subprocess.PIPE)
    try:
        for process in (ours, other):
            assert process.stdout is not None
            process.stdout.readline()
        assert "bee-1  1 process ended" in walk.type("swarm abort")
        until(lambda: ours.poll() is not None, 10)
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()
    assert "swarm bees is removed" in walk.type("swarm down")
    assert not walk.directory(1).exists()
    walk.type("swarm down --swarm karls")
    for swarm in ("six", "faults"):
        walk.type(f"swarm down --swarm {swarm}")
    assert walk.type("swarm list") == "no swarm is known; make one: malaria swarm add user@host\n"
    assert list((walk.place / "bees").iterdir()) == []
    assert [path.name for path in (walk.place / "home").rglob("*") if path.suffix in (".lock", ".kept")] == []
    (host_processes,) = {len(host.pids()) for host in walk.net.hosts[:4]}
    assert host_processes == 1  # sshd, and nothing of ours
