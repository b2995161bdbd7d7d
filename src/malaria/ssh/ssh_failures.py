"""Failures of ssh and of the hosts it reaches, in words and with a remedy. One table for the whole product."""

from __future__ import annotations

import os
from typing import Final

from malaria.errors import OperatorError
from malaria.printable import printable

CONNECTION_LOST: Final = ("the connection was lost", "check that it is still up, then try again")
FAILURES: Final = (
    (
        "HostKeyNotVerifiable",
        "its host key is not in known_hosts, or has changed",
        "compare its fingerprint, then add it to ~/.ssh/known_hosts: ssh to it once",
    ),
    (
        "PermissionDenied",
        "it refused the login",
        "add your key to its authorized_keys, or name another key: --key FILE",
    ),
    ("KeyEncryptionError", "the private key has a passphrase", "give the key to the agent: ssh-add"),
    ("KeyImportError", "the private key cannot be read", "name a private key in OpenSSH format: --key FILE"),
    ("ConfigParseError", "the ssh configuration cannot be read: {reported}", "correct ~/.ssh/config"),
    (
        "ChannelOpenError",
        "its jump host cannot reach it: {reported}",
        "check its address as the jump host sees it",
    ),
    ("ConnectionRefusedError", "nothing listens at its ssh port", "check that sshd runs there, and the port"),
    ("gaierror", "no such host", "check the spelling and the name server, or give an address"),
    ("TimeoutError", "no answer", "check that it is up, and that no firewall blocks ssh"),
    ("ConnectionLost", *CONNECTION_LOST),
    ("ConnectionAbortedError", *CONNECTION_LOST),
    ("ConnectionResetError", *CONNECTION_LOST),
    ("BrokenPipeError", *CONNECTION_LOST),
    ("KeyExchangeFailed", "it accepts none of our ssh algorithms", "update its sshd, or allow newer algorithms there"),
    ("ProtocolNotSupported", "the server at its port does not speak ssh 2", "check the port"),
    (
        "ProtocolError",
        "the server at its port does not speak ssh correctly",
        "check the port, and read the log of its sshd",
    ),
    ("MACError", "data was damaged on the way", "try again; if it stays so, look for a faulty network device"),
    ("CompressionError", "data was damaged on the way", "try again; if it stays so, look for a faulty network device"),
    ("ServiceNotAvailable", "its sshd offers no login", "read the log of its sshd"),
    ("IllegalUserName", "it refused the user name", "name another user: user@host"),
    ("DisconnectError", "it ended the connection: {reported}", "read the log of its sshd"),
    ("SFTPNoSpaceOnFilesystem", "its disk is full", "free some space there"),
    ("SFTPPermissionDenied", "a file there may not be written", "name a directory that this user may write"),
    # sshd says no more than "Failure" of a full disk, a quota, a directory in place of a file
    ("SFTPFailure", "a file could not be written there", "check its free space and the rights of the directory"),
    (
        "SFTPBadMessage",
        "its answer is not of sftp",
        "if a start-up file of its shell prints text, such as .bashrc, let it do so for interactive shells alone",
    ),
    ("SFTPError", "a file could not be sent: {reported}", "check its free space and the rights of the directory"),
    ("FileNotFoundError", "{file} does not exist", "name a file that exists"),
    ("OSError", "{reported}", "check that it is up, and that there is a route to it"),
    ("Error", "ssh failed: {reported}", "see what `ssh -v` to it reports"),
)
"""Name of an exception or of one of its base classes -> cause, remedy. The first that fits is taken."""
LONGEST_LINE: Final = 300


class SshError(OperatorError):
    """A host that could not be reached, or a command or file transfer that failed there.

    `message` is the reason without the name of the host: the caller knows it, and often prints both.
    """


def explain_failure(error: Exception) -> SshError | None:
    """Return the failure in words; None if the exception comes neither from ssh nor from the system (a bug)."""
    if isinstance(error, SshError):
        return error
    if not isinstance(error, OSError) and not type(error).__module__.startswith("asyncssh"):
        return None
    names = [kind.__name__ for kind in type(error).__mro__]
    reported = one_line(getattr(error, "reason", "") or _system_reason(error) or str(error) or names[0])
    # the table goes from the special to the general, so its order decides and not that of the classes
    for name, cause, remedy in FAILURES:
        if name in names:
            return SshError(cause.format(reported=reported, file=getattr(error, "filename", "") or "a file"), remedy)
    return SshError(reported)


def _system_reason(error: Exception) -> str:
    """Return the system's reason of a failed connection; empty for another error."""
    if not isinstance(error, OSError):
        return ""
    if error.errno is None:
        # asyncio joins the errors of several addresses in a text of its own
        return "none of its addresses can be reached" if str(error).startswith("Multiple exceptions") else ""
    # asyncio puts "Connect call failed" and a tuple in the place of the reason
    return os.strerror(error.errno) if "Connect call failed" in str(error) else error.strerror or ""


def one_line(text: str) -> str:
    """Return a text from another host as one line without control characters, which a terminal would obey."""
    return printable(text).strip()[:LONGEST_LINE]
