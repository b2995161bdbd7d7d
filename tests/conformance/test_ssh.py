"""The sshd of the tests itself: does the system's ssh client get in, and only with the right keys?"""

from __future__ import annotations

import subprocess

from ssh_server import SshServer


def run(server: SshServer, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["ssh", "-F", str(server.config), "-o", "BatchMode=yes", *options, "anyhost", "echo here"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_its_user_gets_in(sshd: SshServer) -> None:
    done = run(sshd)
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr


def test_its_host_key_is_looked_at(sshd: SshServer) -> None:
    done = run(sshd, "-o", "UserKnownHostsFile=/dev/null")
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr
