"""Hosts for tests: network namespaces on a bridge, each with its address and its sshd.

They share the file system with this machine: give each bee a directory of its own. Everything is removed at the end,
processes too; what a killed test run has left behind is removed by the next one.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ssh_server import CLIENT, SEPARATION, SETTINGS, find_sshd, make_keys, missing_for_sshd, wait_for

LOCK: Final = Path("/run/malaria-tests.lock")
"""Held while a test process chooses free addresses, or removes what a killed one has left."""
MARK: Final = "malt"
_OURS: Final = re.compile(rf"\b({MARK}(\d+)(?:-\d+)?)\b")
PORT: Final = 22


@dataclass(frozen=True, slots=True)
class Namespace:
    """One host: 10.77.x.(9 + number)."""

    name: str  # for `ip netns`
    number: int  # from 1
    address: str
    link: str  # the end of its cable on this machine
    directory: Path  # for the files of a bee there

    def run(self, *command: str, timeout_s: float = 20.0) -> str:
        """Run a command there and return its output. Raises CalledProcessError."""
        done = subprocess.run(
            self.argv(*command),
            check=True,
            timeout=timeout_s,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.stdout

    def argv(self, *command: str) -> list[str]:
        """Return the command that runs a command there."""
        return ["ip", "netns", "exec", self.name, *command]

    def cut(self) -> None:
        """Cut its network connection."""
        _ip("link", "set", self.link, "down")

    def join(self) -> None:
        """Restore its network connection."""
        _ip("link", "set", self.link, "up")

    def pids(self) -> list[int]:
        """Return the processes there."""
        return [int(pid) for pid in _ip("netns", "pids", self.name).split()]


@dataclass(frozen=True, slots=True)
class Network:
    """Hosts that reach each other and this machine, which is their `gateway`."""

    hosts: tuple[Namespace, ...]
    gateway: str
    ssh_config: Path  # for `ssh -F`, and for a bee's `ssh_config`
    known_hosts: Path
    key: Path
    user: str = field(default_factory=getpass.getuser)


def no_namespaces() -> str | None:
    """Return why there can be no namespaces here; None if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    return missing_for_sshd()


@contextmanager
def network(directory: Path, count: int) -> Iterator[Network]:
    """Make so many hosts, with an sshd each, for the block; then remove them with all that runs there."""
    sweep()
    bridge = f"{MARK}{os.getpid()}"
    algorithm, public = make_keys(directory)
    known_hosts, config = directory / "known_hosts", directory / "ssh_config"
    SEPARATION.mkdir(exist_ok=True)
    try:
        prefix = _bridge(bridge)
        hosts = tuple(_plug_in(bridge, prefix, number, directory) for number in range(1, count + 1))
        known_hosts.write_text("".join(f"{host.address} {algorithm} {public}\n" for host in hosts))
        key, user = directory / "user_key", getpass.getuser()
        config.write_text(CLIENT.format(host="%h", port=PORT, user=user, key=key, known_hosts=known_hosts))
        with ExitStack() as stack:
            for host in hosts:
                stack.enter_context(_sshd(host, directory))
            yield Network(hosts, f"{prefix}.1", config, known_hosts, key)
    finally:
        _remove(bridge)


@contextmanager
def _alone() -> Iterator[None]:
    """Exclude the other test processes, which make hosts of their own."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sweep() -> None:
    """Remove what killed test runs have left behind."""
    with _alone():
        for name, pid in set(_OURS.findall(_ip("netns", "list") + _ip("-o", "link", "show", "type", "bridge"))):
            if not Path(f"/proc/{pid}").exists():
                _remove(name.partition("-")[0])


def _bridge(name: str) -> str:
    """Make a bridge with the first free network; return the first three numbers of its address."""
    with _alone():
        taken = _ip("-o", "-4", "address", "show")
        prefix = next(prefix for third in range(256) if f" {(prefix := f'10.77.{third}')}." not in taken)
        _ip("link", "add", name, "type", "bridge")
        _ip("address", "add", f"{prefix}.1/24", "dev", name)
    _ip("link", "set", name, "up")
    return prefix


def _plug_in(bridge: str, prefix: str, number: int, directory: Path) -> Namespace:
    name, link = f"{bridge}-{number}", f"mv{os.getpid()}-{number}"
    own = directory / f"host-{number}"
    own.mkdir()
    host = Namespace(name, number, f"{prefix}.{9 + number}", link, own)
    _ip("netns", "add", name)
    _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", link, "master", bridge, "up")
    for command in (
        ("address", "add", f"{host.address}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
        ("route", "add", "default", "via", f"{prefix}.1"),
    ):
        _ip("-n", name, *command)
    return host


@contextmanager
def _sshd(host: Namespace, directory: Path) -> Iterator[None]:
    config, log = directory / f"sshd_config-{host.number}", directory / f"sshd-{host.number}.log"
    config.write_text(SETTINGS.format(address=host.address, port=PORT, directory=directory))
    command = host.argv(str(find_sshd()), "-D", "-e", "-f", str(config))
    with log.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as process:
        try:
            wait_for(host.address, PORT, process, log)
            yield
        finally:
            process.terminate()


def _remove(bridge: str) -> None:
    for name, _ in set(_OURS.findall(_ip("netns", "list"))):
        if name.startswith(f"{bridge}-"):
            for pid in _ip("netns", "pids", name).split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _ip("netns", "delete", name)
    with suppress(subprocess.CalledProcessError):
        _ip("link", "delete", bridge)


def _ip(*words: str) -> str:
    return _said(["ip", *words])


def _said(command: Sequence[str]) -> str:
    return subprocess.run(
        command, check=True, timeout=20, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout
