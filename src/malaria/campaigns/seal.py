"""Tells whether this user on this host made a campaign's directory, before its commands are run again.

`campaign.json` holds a seal: a keyed hash (HMAC-SHA256) of the campaign's file and options. The key is made once, in
the user's state directory, and never leaves it. A directory that came from elsewhere, or whose file was changed, has no
seal that fits. Its commands (a broker's program, a function for payloads, ssh) must then be allowed first.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from malaria.campaigns.definition import Level
from malaria.model.broker import BrokerKind, BrokerTable
from malaria.model.completion import is_generated
from malaria.model.observe import SSH
from malaria.swarm.hosts.state import PRIVATE_DIRECTORY, PRIVATE_FILE, state_directory

if TYPE_CHECKING:
    from malaria.campaigns.overrides import StatedOptions
    from malaria.campaigns.request import CampaignRequest

KEY_FILE: Final = "campaign.key"
KEY_BYTES: Final = 32
FILE_PAYLOAD: Final = "file:"


def seal_of(text: str, options: StatedOptions) -> str:
    """Return the seal of a campaign's file and options; empty where this user has no place for a key."""
    try:
        key = _key(state_directory().parent / KEY_FILE)
    except OSError:
        return ""
    content = json.dumps([text, sorted(options.items())])
    return hmac.new(key, content.encode(), hashlib.sha256).hexdigest()


def foreign_commands(request: CampaignRequest) -> tuple[str, ...]:
    """Return what a resumed campaign would run, if its directory was not made by this user on this host."""
    if request.before is None:
        return ()
    seal = seal_of(request.copy, request.options)
    if seal and hmac.compare_digest(seal.encode(), request.before.seal.encode()):
        return ()
    brokers = [request.campaign.broker, *(level.broker for level in request.campaign.levels)]
    found = [text for broker in brokers for text in _of_broker(broker)]
    found += [text for level in request.campaign.levels for text in _of(level)]
    return tuple(dict.fromkeys(found))


def _key(file: Path) -> bytes:
    """Return the key of this user; make it if there is none. Raises OSError."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as out:
            out.write(secrets.token_bytes(KEY_BYTES))
        os.replace(fresh, file)
        return file.read_bytes()


def _of_broker(broker: BrokerTable) -> Iterator[str]:
    """Yield the commands that start, stop and clean the broker."""
    where = f"ssh {broker.ssh} " if broker.ssh else ""
    sudo = "sudo " if broker.sudo else ""
    for command in (broker.command, broker.stop_command, broker.clean_command):
        if command:
            yield f"{where}{sudo}{shlex.join(command)}"
    if broker.kind is BrokerKind.SYSTEMD:
        yield f"{where}{sudo}systemctl restart {broker.unit}"
    if broker.config is not None or (broker.kind is BrokerKind.MOSQUITTO and broker.ssh):
        yield f"{where}{sudo}mosquitto{f' -c {broker.config}' if broker.config else ''}"
    if broker.ssh_config is not None:
        yield f"ssh -F {broker.ssh_config}"


def _of(level: Level) -> Iterator[str]:
    """Yield the functions and hosts that the attacks of a level need."""
    for variant in level.attacks:
        for group in variant.warhead.groups:
            if not is_generated(group.payload) and not group.payload.startswith(FILE_PAYLOAD):
                yield f"the Python function {group.payload}"
    seen = level.observe
    for place in (seen.process, seen.host):
        if str(place).startswith(SSH):
            yield f"ssh to observe {place}"
    if seen.ssh_config is not None:
        yield f"ssh -F {seen.ssh_config}"
