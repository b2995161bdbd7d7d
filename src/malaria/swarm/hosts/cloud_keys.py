"""The files that a swarm of instances needs on this machine: its ssh key, the host key of its instances, a nonce.

Promises: each is made once, is readable by its owner alone, and is removed with the swarm.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from malaria.errors import SwarmError
from malaria.swarm.hosts.state import PRIVATE_FILE, state_directory


def key_file(swarm: str, stated: str = "") -> Path:
    """Return the file of the private key to log in with: the stated one, else the swarm's own, made if missing."""
    return Path(stated).expanduser() if stated else _own_key(f"{swarm}.key")


def public_key(file: Path) -> str:
    """Return the public half, `ssh-ed25519 AAAA...`, of a private key.

    Raises SwarmError for a file that is not a key, or has a passphrase and no `.pub` file next to it.
    """
    import asyncssh

    public = file.with_name(f"{file.name}.pub")
    try:
        key = asyncssh.read_public_key(public) if public.exists() else asyncssh.read_private_key(file)
    except (OSError, asyncssh.KeyImportError) as error:
        raise SwarmError(f"{file}: {error}", f"name a private key that has {public.name} next to it") from None
    return " ".join(key.export_public_key().decode().split()[:2])


def host_key(swarm: str) -> str:
    """Return the public half of the host key that the swarm's instances have."""
    return public_key(_own_key(f"{swarm}.host_key"))


def user_data(swarm: str) -> str:
    """Return what cloud-init reads at the first start of an instance: the host key that was made here."""
    private = _own_key(f"{swarm}.host_key").read_text()
    indented = "".join(f"    {line}\n" for line in private.splitlines())
    return (
        "#cloud-config\nssh_deletekeys: true\nssh_keys:\n"
        f"  ed25519_private: |\n{indented}  ed25519_public: {host_key(swarm)}\n"
    )


def nonce(swarm: str) -> str:
    """Return the nonce of the request for instances that is under way; it stays until `forget_nonce`."""
    file = _nonce_file(swarm)
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(secrets.token_hex(8))
    return file.read_text()


def forget_nonce(swarm: str) -> None:
    """Remove the nonce: its request was answered, the next one is another."""
    _nonce_file(swarm).unlink(missing_ok=True)


def forget_keys(swarm: str) -> None:
    """Remove all files of a swarm whose instances are ended."""
    for name in (f"{swarm}.key", f"{swarm}.host_key"):
        (state_directory() / name).unlink(missing_ok=True)
    forget_nonce(swarm)


def _nonce_file(swarm: str) -> Path:
    return state_directory() / f"{swarm}.launch"


def _own_key(name: str) -> Path:
    import asyncssh

    file = state_directory() / name
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = asyncssh.generate_private_key("ssh-ed25519", comment="malaria").export_private_key()
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as out:
            out.write(content)
    return file
