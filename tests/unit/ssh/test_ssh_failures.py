"""Failures of ssh in words."""

from __future__ import annotations

import socket

import asyncssh
import pytest

from malaria.ssh.ssh_failures import explain_failure, one_line


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (
            asyncssh.HostKeyNotVerifiable("Host key is not trusted"),
            "its host key is not in known_hosts, or has changed",
        ),
        (asyncssh.PermissionDenied("Permission denied"), "it refused the login"),
        (asyncssh.ConnectionLost("Connection lost"), "the connection was lost"),
        (BrokenPipeError(32, "Broken pipe"), "the connection was lost"),
        (asyncssh.KeyExchangeFailed("No matching"), "it accepts none of our ssh algorithms"),
        (asyncssh.ProtocolNotSupported("Version"), "the server at its port does not speak ssh 2"),
        (asyncssh.ProtocolError("Invalid packet"), "the server at its port does not speak ssh correctly"),
        (asyncssh.ChannelOpenError(2, "refused"), "its jump host cannot reach it: refused"),
        (asyncssh.KeyEncryptionError("Passphrase must be specified"), "the private key has a passphrase"),
        (socket.gaierror(-2, "Name or service not known"), "no such host"),
        (TimeoutError(), "no answer"),
        (FileNotFoundError(2, "No such file or directory", "/x/key"), "/x/key does not exist"),
        (OSError(113, "No route to host"), "No route to host"),
        (OSError(113, "Connect call failed ('10.0.0.3', 22)"), "No route to host"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 22), [Errno 113] No route to host"),
            "none of its addresses can be reached",
        ),
        (asyncssh.SFTPBadMessage("Max packet size exceeded"), "its answer is not of sftp"),
        (asyncssh.SFTPFailure("Failure"), "a file could not be written there"),
    ],
)
def test_a_failure_is_explained_with_a_remedy(error: Exception, cause: str) -> None:
    failure = explain_failure(error)
    assert failure is not None
    assert failure.message == cause
    assert failure.remedy


def test_a_bug_is_not_explained() -> None:
    assert explain_failure(KeyError("ours")) is None


def test_what_a_host_says_is_one_harmless_line() -> None:
    assert one_line("\x1b[31mred\nline\x07 ") == "\ufffd[31mred line\ufffd"
