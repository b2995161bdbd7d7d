"""An sshd of our own on loopback: its host key, one user's key, and nothing of the machine's own ssh settings."""

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
"""sshd insists on this directory, which only root can make and which the service's start usually makes."""
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
    """A running sshd. `config` is for `ssh -F`: whatever host is named there, it goes to this server."""

    host: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    config: Path
    pid: int
    log: Path


def find_sshd() -> str | None:
    """sshd must be called by its full path."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def what_lacks() -> str | None:
    """Why no sshd can run here; None when one can."""
    if find_sshd() is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        return "OpenSSH is not installed"
    if not SEPARATION.is_dir() and os.geteuid() != 0:
        return f"{SEPARATION} is missing, and only root can make it"
    return None


@contextmanager
def running_sshd(directory: Path) -> Iterator[SshServer]:
    """Starts it with keys made for it, stops it at the end."""
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
    """A host key and a user's key; the public part of the host's, as known_hosts has it."""
    for name in ("host_key", "user_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "malaria test", "-f", str(directory / name)]
        subprocess.run(command, check=True, timeout=20)
    algorithm, public, *_ = (directory / "host_key.pub").read_text().split()
    return algorithm, public


def wait_for(
    address: str, port: int, process: subprocess.Popen[bytes], log: Path, patience_s: float = PATIENCE_S
) -> None:
    """Until it listens. Raises RuntimeError when it does not."""
    end = time.monotonic() + patience_s
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as caller:
            caller.settimeout(1)
            if caller.connect_ex((address, port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"sshd did not start: {last_lines(log)}")
