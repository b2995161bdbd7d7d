"""Ask a running attack for a change, through the socket in its run directory; find the attack that runs."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from malaria.attacks.change_door import ENDED
from malaria.attacks.change_door import PATIENCE_S as DOOR_PATIENCE_S
from malaria.attacks.steer_messages import SteerAnswer, SteerQuestion
from malaria.attacks.steer_socket import short_address
from malaria.control.change_answer import AnswerKind
from malaria.errors import RunError
from malaria.outputs.run_directory import SOCKET
from malaria.records.campaign_store import holds_campaign

PATIENCE_S: Final = DOOR_PATIENCE_S + 5
FULL_S: Final = 0.05
"""Between two tries to connect to an attack whose queue is full."""
LONGEST_ANSWER: Final = 16 * 1024 * 1024
"""An attack with thousands of groups names each."""


def ask_attack(directory: Path, question: SteerQuestion) -> SteerAnswer:
    """Ask the attack of a run directory. Raises RunError where its socket is not for this user."""
    path = directory / SOCKET
    try:
        connection = _connected(path, PATIENCE_S)
    except BlockingIOError:
        return SteerAnswer(kind=AnswerKind.CONFLICT, text="many others steer at this moment", remedy="ask again")
    except PermissionError:
        raise RunError(f"{path}: this attack belongs to another user", "only root and its owner can steer it") from None
    except OSError:
        between = f"no attack of {directory} runs at this moment" if holds_campaign(directory) else ENDED
        return SteerAnswer(kind=AnswerKind.CONFLICT, text=between)
    with connection:
        try:
            with suppress(OSError):  # whoever refuses without reading hangs up at once, and has answered
                connection.sendall(question.model_dump_json().encode() + b"\n")
            return SteerAnswer.model_validate_json(_whole_answer(connection))
        except (OSError, ValidationError):
            text = "the attack gave no answer: it ended meanwhile, or this machine is busy"
            return SteerAnswer(kind=AnswerKind.CONFLICT, text=text, remedy="ask again")


def running_in(directory: Path) -> list[Path]:
    """Return the directories of the attacks that run in a run directory, or as parts of a campaign directory."""
    return _running([directory, *(path.parent for path in sorted(directory.glob(f"*/{SOCKET}")))])


def running_below(root: Path) -> list[Path]:
    """Return the directories of the attacks that run below a directory that holds runs and campaigns."""
    found = [*root.glob(f"*/{SOCKET}"), *root.glob(f"*/*/{SOCKET}")]
    return _running(path.parent for path in sorted(found))


def _running(directories: Iterable[Path]) -> list[Path]:
    return [directory for directory in directories if _runs(directory / SOCKET)]


def _runs(path: Path) -> bool:
    """Tell whether somebody listens. The socket of an attack that was killed is still there, and nobody does."""
    try:
        _connected(path, 0).close()
    except BlockingIOError:  # somebody listens, to many at once
        return True
    except PermissionError:  # somebody else's: asking it says so
        return path.is_socket()
    except OSError:
        return False
    return True


def _connected(path: Path, patience_s: float) -> socket.socket:
    """Connect. Raises OSError; BlockingIOError if the attack's queue stays full for `patience_s`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(PATIENCE_S)
        with short_address(path) as address:
            _connect(connection, address, patience_s)
    except OSError:
        connection.close()
        raise
    return connection


def _connect(connection: socket.socket, address: str, patience_s: float) -> None:
    end_s = time.monotonic() + patience_s
    while True:
        try:
            return connection.connect(address)
        except BlockingIOError:
            if time.monotonic() >= end_s:
                raise
            time.sleep(FULL_S)


def _whole_answer(connection: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"\n") and len(answer) < LONGEST_ANSWER:
        received = connection.recv(64 * 1024)
        if not received:
            break
        answer += received
    return answer
