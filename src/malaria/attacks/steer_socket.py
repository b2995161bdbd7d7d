"""Answer `malaria steer` on a Unix socket in the run directory, which only root and the owner of the attack can use.

Promises: a client that is slow, half open, talks nonsense or never ends holds nobody: each has a thread of its own, a
time and a length, and there are a few at most. The socket is gone when the attack is over. No port, no token.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Thread
from typing import Final

from pydantic import ValidationError

from malaria.attacks.followers import AttackUnderWay
from malaria.attacks.steer_messages import (
    LONGEST_LINE,
    SteerAnswer,
    SteerQuestion,
    answer_line,
    load_line,
)
from malaria.control.change_answer import AnswerKind
from malaria.errors import RunError
from malaria.outputs.run_directory import SOCKET
from malaria.records.rows import Event, Observation, Progress, Sample

LONGEST_ADDRESS: Final = 103
"""Bytes of a socket's path that every kernel takes: Linux 107, BSD and macOS 103."""
MOST_AT_ONCE: Final = 4
PATIENCE_S: Final = 5.0
"""How long a client may take to write its line, or to read the answer."""
SHORT_OF_MEANS_S: Final = 0.05
BY: Final = "steer"
_BUSY: Final = SteerAnswer(kind=AnswerKind.CONFLICT, text="several others steer at this moment", remedy="ask again")


class SteerSocket:
    """A follower of one attack that passes on what `malaria steer` asks."""

    def __init__(self) -> None:
        self._attack: AttackUnderWay | None = None
        self._progress: Progress | None = None
        self._listener: socket.socket | None = None
        self._path = Path()
        self._hang_up, self._ended = socket.socketpair()
        self._places = BoundedSemaphore(MOST_AT_ONCE)

    # --- a follower ------------------------------------------------------------------------------------------------

    def begin(self, attack: AttackUnderWay) -> None:
        """Listen. Raises RunError where this directory cannot hold a socket."""
        self._attack, self._path = attack, attack.directory / SOCKET
        try:
            self._listener = _listening(self._path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise RunError(f"{self._path}: {reason}: malaria steer cannot change this attack") from None
        Thread(target=self._accept, args=(self._listener,), name="steer", daemon=True).start()

    def sample(self, sample: Sample) -> None: ...

    def observation(self, row: Observation) -> None: ...

    def event(self, event: Event) -> None: ...

    def progress(self, progress: Progress) -> None:
        """Keep how the attack stands for who asks."""
        self._progress = progress

    def end(self, failure: str) -> None:
        """Remove the socket; who is connected has an answer of the door, which is closed."""
        self._hang_up.close()
        if self._listener is None:
            self._ended.close()
            return
        with suppress(OSError):
            self._path.unlink()

    # --- its own threads -------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        with listener, self._ended, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(self._ended, selectors.EVENT_READ)
            while not any(key.fileobj is self._ended for key, _ in selector.select()):
                try:
                    self._receive(listener.accept()[0])
                except (OSError, RuntimeError):  # a client that has gone again, or no descriptor or thread for it
                    time.sleep(SHORT_OF_MEANS_S)

    def _receive(self, connection: socket.socket) -> None:
        if not self._places.acquire(blocking=False):
            with connection:
                connection.setblocking(False)
                connection.sendall(_line(_BUSY))
            return
        Thread(target=self._serve, args=(connection,), name="steer client", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):  # a client that hangs up or is too slow gets no answer
                answer = self._answer(connection)
                if answer is not None:
                    connection.settimeout(PATIENCE_S)
                    connection.sendall(_line(answer))
        finally:
            self._places.release()

    def _answer(self, connection: socket.socket) -> SteerAnswer | None:
        """Return the answer to a client; None for one that asked nothing. Raises OSError for one that is too slow."""
        if not _is_allowed(connection):
            return SteerAnswer(kind=AnswerKind.REFUSED, text="only root and the owner of an attack can steer it")
        line = _read_line(connection)
        if not line:
            return None
        try:
            question = SteerQuestion.model_validate_json(line)
        except ValidationError:
            return SteerAnswer(
                kind=AnswerKind.REFUSED,
                text="this is no question of malaria steer",
                remedy='write one line of JSON: {"change": "+500", "only_look": false}',
            )
        return self._reply(question)

    def _reply(self, question: SteerQuestion) -> SteerAnswer:
        attack = self._attack
        assert attack is not None
        if not question.change:
            load = load_line(attack.warhead, self._progress, attack.door.refusal)
            return SteerAnswer(kind=AnswerKind.TAKEN, text="", load=load)
        door = attack.door
        answer = door.look_ahead(question.change) if question.only_look else door.ask(question.change, BY)
        return answer_line(answer, self._progress)


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """Give an address for a socket that the kernel takes, however long its path is. Raises OSError."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _listening(path: Path) -> socket.socket:
    """Listen at a path. Nobody else can connect before its mode is set: it takes connections only after `listen`."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():  # of a run that was killed here
            path.unlink()
        with short_address(path) as address:
            listener.bind(address)
        path.chmod(0o600)
        listener.listen(MOST_AT_ONCE)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _is_allowed(connection: socket.socket) -> bool:
    """Tell whether root or the owner of this process is at the other end. The kernel says so where it can."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # then the mode of the socket says who can connect
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return user in (0, os.geteuid())


def _read_line(connection: socket.socket) -> bytes:
    """Return a line, or what came of it until the other end or the longest length. Raises OSError after PATIENCE_S."""
    line, end_s = b"", time.monotonic() + PATIENCE_S
    while b"\n" not in line and len(line) <= LONGEST_LINE:
        connection.settimeout(max(0.001, end_s - time.monotonic()))
        received = connection.recv(4096)
        if not received:
            break
        line += received
    return line.partition(b"\n")[0]


def _line(answer: SteerAnswer) -> bytes:
    return answer.model_dump_json().encode() + b"\n"
