"""Ask a bee for its time by datagrams: a round trip of a tenth of a millisecond, where a call takes several.

A question holds the conductor's time at which it was asked; an answer holds the same, and the bee's time. Both are
sealed with a key that only the conductor and this bee have.

Promises: nobody else can ask or answer; an answer counts for its own question only; a question is answered once, so a
copy of a datagram that somebody sends again is no sign of life of the conductor.

Where a firewall blocks datagrams, the exchanges that go with each command must do: the offset is as true
then, and its error larger.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from malaria.clock import Clock, now_ns
from malaria.swarm.run.clock_offsets import Exchange

SEAL_SIZE: Final = 16
KEY_SIZE: Final = 32
TIME: Final = struct.Struct("!q")
QUESTION_SIZE: Final = TIME.size + SEAL_SIZE
ANSWER_SIZE: Final = 2 * TIME.size + SEAL_SIZE
WAIT_S: Final = 0.1
"""How long one answer is waited for. A later one would bound the offset poorly."""


def new_key() -> bytes:
    return secrets.token_bytes(KEY_SIZE)


def sealed(key: bytes, body: bytes) -> bytes:
    """Return the body and a seal over it, which only a holder of the key can make."""
    return body + hashlib.blake2b(body, digest_size=SEAL_SIZE, key=key).digest()


def is_genuine(key: bytes, datagram: bytes, size: int) -> bool:
    """Tell whether a datagram has this size, and a seal made with the key."""
    return len(datagram) == size and hmac.compare_digest(datagram, sealed(key, datagram[:-SEAL_SIZE]))


def question_at(asked_ns: int, key: bytes) -> bytes:
    """Return the question that is asked at this time."""
    return sealed(key, TIME.pack(asked_ns))


def time_in(answer: bytes, asked_ns: int, key: bytes) -> int | None:
    """Return the bee's time in an answer to the question of that time; None for any other datagram."""
    if not is_genuine(key, answer, ANSWER_SIZE) or answer[: TIME.size] != TIME.pack(asked_ns):
        return None
    return int(TIME.unpack_from(answer, TIME.size)[0])


class Answerer:
    """Answers the questions of one who asks: each once, and none that is older than one already answered."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._newest_ns: int | None = None

    def answer_to(self, question: bytes) -> bytes | None:
        """Return the answer to a question; None for any other datagram and for a repeated one."""
        at_ns = self._clock()  # first: what follows takes time
        if not is_genuine(self._key, question, QUESTION_SIZE):
            return None
        (asked_ns,) = TIME.unpack_from(question)
        if self._newest_ns is not None and asked_ns <= self._newest_ns:
            return None
        self._newest_ns = asked_ns
        return sealed(self._key, TIME.pack(asked_ns) + TIME.pack(at_ns))


class TimeServer:
    """A thread on a bee that answers the conductor's questions for its time, until it is closed.

    `on_question` is called for each question that is answered: a sign of life of the conductor.
    """

    def __init__(self, host: str, key: bytes, on_question: Callable[[], None]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._answerer = Answerer(key, now_ns)
        self._on_question = on_question
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        threading.Thread(target=self._answer, name="time", daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._socket.close()

    def _answer(self) -> None:
        with suppress(OSError):
            while True:
                question, sender = self._socket.recvfrom(512)
                answer = self._answerer.answer_to(question)
                if answer is not None:
                    self._socket.sendto(answer, sender)
                    self._on_question()


def ask_time(address: tuple[str, int], key: bytes, times: int) -> list[Exchange]:
    """Ask so many times, one after the other; give up at the first answer that does not come."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    exchanges: list[Exchange] = []
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as caller:
        caller.settimeout(WAIT_S)
        caller.connect(address)
        for _ in range(times):
            exchanges += [_ask_once(caller.send, caller.recv, key)]
    return exchanges


def _ask_once(send: Callable[[bytes], object], receive: Callable[[int], bytes], key: bytes) -> Exchange:
    asked_ns = now_ns()
    send(question_at(asked_ns, key))
    while True:
        answer = receive(512)
        heard_ns = now_ns()
        answered_ns = time_in(answer, asked_ns, key)
        if answered_ns is not None:
            return Exchange(asked_ns, answered_ns, heard_ns)
