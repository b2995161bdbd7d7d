"""Make pre-shared keys and passwords, and the parts of such files for several bees.

Promises: keys and passwords come from the system's cryptographic source; a part of a file holds exactly the lines of
the clients of one share, so that no line is lost or given twice. Writes no file.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from malaria.model.placeholders import fill
from malaria.schedule.share import WHOLE, Share

PASSWORD_BYTES: Final = 18
MOSQUITTO_ROUNDS: Final = 101
"""What mosquitto_passwd takes by default: enough for random passwords of 144 bits, and quick for 20,000 users."""
MOSQUITTO_SALT_BYTES: Final = 12


class Format(StrEnum):
    """The format of a line."""

    PSK = "psk"  # identity:hexkey, mosquitto's psk_file
    CSV = "csv"  # user,password, our --credentials-file
    LOGIN = "login"  # user:password, what mosquitto_passwd -U reads
    MOSQUITTO = "mosquitto"  # user:$7$..., mosquitto's password_file


def make_lines(kind: Format, count: int, identity: str, key_bytes: int) -> Iterator[str]:
    """Make `count` lines; `identity` is a template with {index}, counted from 0."""
    for index in range(count):
        name = fill(identity, {"index": index})
        if kind is Format.PSK:
            yield f"{name}:{secrets.token_hex(key_bytes)}"
        else:
            yield login_line(kind, name, secrets.token_urlsafe(PASSWORD_BYTES))


def login_line(kind: Format, username: str, password: str) -> str:
    """Write a user and a password as a file of that format has them."""
    # token_urlsafe has no comma, quote or colon, so neither format needs escapes
    if kind is Format.CSV:
        return f"{username},{password}"
    return f"{username}:{password if kind is Format.LOGIN else hashed(password)}"


def hashed(password: str) -> str:
    """Hash a password as mosquitto 2 stores it: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(MOSQUITTO_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, MOSQUITTO_ROUNDS)
    return f"$7${MOSQUITTO_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def part_of[Line](lines: Sequence[Line], share: Share) -> list[Line]:
    """Return the lines of the clients that a share of one group has, in their order."""
    return [lines[index] for index in share.members(len(lines)).tolist()]


def split[Line](lines: Sequence[Line], parts: int) -> list[list[Line]]:
    """Return the lines for each of `parts` bees."""
    return [part_of(lines, share) for share in WHOLE.split(parts)]
