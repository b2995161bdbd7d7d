"""What an ssh connection trusts."""

from __future__ import annotations

import asyncssh
import pytest

from malaria.ssh.connection import _trusted
from malaria.ssh.destination import SshDestination
from malaria.ssh.ssh_failures import SshError


def test_checking_of_host_keys_cannot_be_switched_off() -> None:
    assert _trusted(SshDestination("x"), None) is not None
    assert _trusted(SshDestination("x"), ["/dev/null"])[0] == "/dev/null"
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    pinned = SshDestination("x", host_key=" ".join(key.split()[:2]))
    trusted, authorities, revoked = _trusted(pinned, ["/etc/passwd"])
    assert [one.export_public_key().decode().split()[1] for one in trusted] == [key.split()[1]]
    assert (authorities, revoked) == ([], [])


def test_a_stated_host_key_that_is_none_is_named() -> None:
    with pytest.raises(SshError, match="the host key that is stated for it cannot be read"):
        _trusted(SshDestination("x", host_key="ssh-ed25519 AAAAnonsense"), None)
