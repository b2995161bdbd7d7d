"""Many hosts at once: who failed is named, the others go on; and what failures of ssh mean."""

from __future__ import annotations

import asyncio
import socket

import asyncssh
import pytest

from malaria.errors import OperatorError
from malaria.swarm.hosts.inventory import BeeHost
from malaria.swarm.hosts.ssh import (
    BeeError,
    HostResult,
    _trusted,
    clean,
    explain_failure,
    for_each,
    sftp_path,
    shell_path,
)

BEES = [BeeHost(name=f"bee-{n}", host=f"10.0.0.{n}", user="karl") for n in range(1, 6)]


def test_a_failed_host_is_named_and_the_others_go_on() -> None:
    told: list[str] = []

    async def work(host: BeeHost) -> int:
        if host.name == "bee-2":
            raise BeeError(host, "it is on fire", "put it out")
        if host.name == "bee-3":
            raise ConnectionRefusedError(111, "Connection refused")
        if host.name == "bee-4":
            raise OperatorError("no such file", "make one")
        return len(host.host)

    outcomes = asyncio.run(for_each(BEES, work, lambda outcome: told.append(outcome.host.name), at_once=2))
    assert outcomes == [
        HostResult(BEES[0], 8),
        HostResult(BEES[1], None, "it is on fire", "put it out"),
        HostResult(BEES[2], None, "nothing listens at its ssh port", "is sshd running there? is the port right?"),
        HostResult(BEES[3], None, "no such file", "make one"),
        HostResult(BEES[4], 8),
    ]
    assert sorted(told) == [bee.name for bee in BEES]


def test_no_more_than_wanted_are_worked_on_at_once() -> None:
    running, most = 0, 0

    async def work(_: BeeHost) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    asyncio.run(for_each(BEES, work, at_once=3))
    assert most == 3


def test_a_bug_of_ours_is_raised_when_all_are_done() -> None:
    done: list[str] = []

    async def work(host: BeeHost) -> None:
        if host.name == "bee-1":
            raise KeyError("ours")
        await asyncio.sleep(0)
        done.append(host.name)

    with pytest.raises(KeyError):
        asyncio.run(for_each(BEES, work))
    assert done == ["bee-2", "bee-3", "bee-4", "bee-5"]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (
            asyncssh.HostKeyNotVerifiable("Host key is not trusted"),
            "its host key is not in known_hosts, or has changed",
        ),
        (asyncssh.PermissionDenied("Permission denied"), "it does not let us in"),
        (asyncssh.ConnectionLost("Connection lost"), "the connection was lost"),
        (asyncssh.ChannelOpenError(2, "refused"), "its jump host cannot reach it: refused"),
        (asyncssh.KeyEncryptionError("Passphrase must be specified"), "our key needs a passphrase"),
        (socket.gaierror(-2, "Name or service not known"), "no such host"),
        (TimeoutError(), "no answer"),
        (FileNotFoundError(2, "No such file or directory", "/x/key"), "/x/key is not here"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
def test_what_a_failure_means_is_said_in_words(error: Exception, cause: str) -> None:
    failure = explain_failure(BEES[0], error)
    assert failure is not None
    assert failure.message == f"bee-1 (karl@10.0.0.1): {cause}"
    assert failure.remedy


def test_a_bug_is_no_failure_of_a_host() -> None:
    assert explain_failure(BEES[0], KeyError("ours")) is None


def test_paths_on_a_bee() -> None:
    home, other = BEES[0], BeeHost(name="x", host="x", directory="/srv/malaria/")
    assert shell_path(home, "venv", "bin/python") == '"$HOME"/.malaria/venv/bin/python'
    assert sftp_path(home, "venv") == ".malaria/venv"
    assert shell_path(other, "a b") == "'/srv/malaria/a b'"
    assert sftp_path(other) == "/srv/malaria"


def test_checking_of_host_keys_cannot_be_switched_off() -> None:
    assert _trusted(BEES[0], None) is not None
    assert _trusted(BEES[0], ["/dev/null"])[0] == "/dev/null"
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    pinned = BeeHost(name="x", host="x", host_key=" ".join(key.split()[:2]))
    trusted, authorities, revoked = _trusted(pinned, ["/etc/passwd"])
    assert [one.export_public_key().decode().split()[1] for one in trusted] == [key.split()[1]]
    assert (authorities, revoked) == ([], [])


def test_what_a_host_says_is_one_harmless_line() -> None:
    assert clean("\x1b[31mred\nline\x07 ") == "[31mred line"
