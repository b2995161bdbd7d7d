"""Starts an sshd on loopback with its own host key and one user key, without the machine's own ssh settings."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from malaria.broker.running import free_port, last_lines

SEPARATION: Final = Path("/run/sshd")
"""sshd needs this directory; only root can make it, and the service usually does at its start."""
PATIENCE_S: Final = 10.0
SETTINGS: Final = """\
ListenAddress {address}
Port {port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
PermitUserEnvironment yes
Subsystem sftp internal-sftp
"""
CLIENT: Final = """\
Host *
    HostName {host}
    Port {port}
    User {user}
    IdentityFile {key}
    IdentitiesOnly yes
    UserKnownHostsFile {known_hosts}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    IdentityAgent none
"""


@dataclass(frozen=True, slots=True)
class SshServer:
    """A running sshd. `config` is an ssh configuration that sends every host name to this server."""

    host: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    config: Path
    pid: int
    log: Path


def find_sshd() -> str | None:
    """Return the full path of sshd, which it must be called by; None if it is not installed."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def missing_for_sshd() -> str | None:
    """Return why no sshd can run here; None if one can."""
    if find_sshd() is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        return "OpenSSH is not installed"
    if not SEPARATION.is_dir() and os.geteuid() != 0:
        return f"{SEPARATION} is missing, and only root can make it"
    return None


@contextmanager
def running_sshd(directory: Path) -> Iterator[SshServer]:
    """Start an sshd with keys made for it; stop it at the end of the block."""
    port, user = free_port(), getpass.getuser()
    algorithm, public = make_keys(directory)
    known_hosts, config, log = directory / "known_hosts", directory / "ssh_config", directory / "sshd.log"
    known_hosts.write_text(f"[127.0.0.1]:{port} {algorithm} {public}\n")
    (directory / "sshd_config").write_text(SETTINGS.format(address="127.0.0.1", port=port, directory=directory))
    key = directory / "user_key"
    config.write_text(CLIENT.format(host="127.0.0.1", port=port, user=user, key=key, known_hosts=known_hosts))
    SEPARATION.mkdir(exist_ok=True)
    command = [str(find_sshd()), "-D", "-e", "-f", str(directory / "sshd_config")]
    with log.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as process:
        try:
            wait_for("127.0.0.1", port, process, log)
            yield SshServer("127.0.0.1", port, user, key, known_hosts, config, process.pid, log)
        finally:
            process.terminate()


def make_keys(directory: Path) -> tuple[str, str]:
    """Make a host key and a user key; return the algorithm and public part of the host key, as known_hosts has them."""
    for name in ("host_key", "user_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "malaria test", "-f", str(directory / name)]
        subprocess.run(command, check=True, timeout=20)
    algorithm, public, *_ = (directory / "host_key.pub").read_text().split()
    return algorithm, public


def wait_for(
    address: str, port: int, process: subprocess.Popen[bytes], log: Path, patience_s: float = PATIENCE_S
) -> None:
    """Wait until it listens. Raises RuntimeError if it does not."""
    end = time.monotonic() + patience_s
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as caller:
            caller.settimeout(1)
            if caller.connect_ex((address, port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"sshd did not start: {last_lines(log)}")
