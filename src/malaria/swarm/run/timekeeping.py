"""Asking a bee for its time by datagrams: a way there and back of a tenth of a millisecond where Dask's takes several.

A question is a nonce, an answer the same nonce and the time, both sealed with a key of the run, so that nobody else
sets our clocks. Where a firewall lets no datagram through, the exchanges that go with each word over Dask have to do:
the offset is then as true, and its error larger.
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

NONCE_SIZE: Final = 8
SEAL_SIZE: Final = 16
KEY_SIZE: Final = 32
TIME: Final = struct.Struct("!q")
QUESTION_SIZE: Final = NONCE_SIZE + SEAL_SIZE
ANSWER_SIZE: Final = NONCE_SIZE + TIME.size + SEAL_SIZE
WAIT_S: Final = 0.1
"""For one answer. A later one tells nothing that is worth waiting for."""


def seal(key: bytes, data: bytes) -> bytes:
    """What only who has the key can make."""
    return hashlib.blake2b(data, digest_size=SEAL_SIZE, key=key).digest()


def answer_to(question: bytes, key: bytes, clock: Clock) -> bytes | None:
    """The answer; None for what is no question of ours."""
    at_ns = clock()  # first: what follows takes time
    nonce, given = question[:NONCE_SIZE], question[NONCE_SIZE:]
    if len(question) != QUESTION_SIZE or not hmac.compare_digest(given, seal(key, nonce)):
        return None
    told = nonce + TIME.pack(at_ns)
    return told + seal(key, told)


def told_by(answer: bytes, nonce: bytes, key: bytes) -> int | None:
    """The time in an answer to the question with that nonce; None for any other datagram."""
    told, given = answer[:-SEAL_SIZE], answer[-SEAL_SIZE:]
    if len(answer) != ANSWER_SIZE or told[:NONCE_SIZE] != nonce or not hmac.compare_digest(given, seal(key, told)):
        return None
    return int(TIME.unpack(told[NONCE_SIZE:])[0])


class Answerer:
    """On a bee: a thread that tells the time to whoever has the key, until the process ends.

    `asked` is called with each question that is genuine: a sign of life of whoever asks.
    """

    def __init__(self, host: str, key: bytes, asked: Callable[[], None]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._key = key
        self._asked = asked
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        threading.Thread(target=self._answer, name="time", daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._socket.close()

    def _answer(self) -> None:
        with suppress(OSError):
            while True:
                question, whence = self._socket.recvfrom(512)
                answer = answer_to(question, self._key, now_ns)
                if answer is not None:
                    self._socket.sendto(answer, whence)
                    self._asked()


def ask(address: tuple[str, int], key: bytes, times: int) -> list[Exchange]:
    """Asks so many times, one after the other; gives up at the first answer that does not come."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    exchanges: list[Exchange] = []
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as caller:
        caller.settimeout(WAIT_S)
        caller.connect(address)
        for _ in range(times):
            exchanges += [_ask_once(caller.send, caller.recv, key)]
    return exchanges


def _ask_once(send: Callable[[bytes], object], receive: Callable[[int], bytes], key: bytes) -> Exchange:
    nonce = secrets.token_bytes(NONCE_SIZE)
    question = nonce + seal(key, nonce)
    asked_ns = now_ns()
    send(question)
    while True:
        answer = receive(512)
        heard_ns = now_ns()
        told_ns = told_by(answer, nonce, key)
        if told_ns is not None:
            return Exchange(asked_ns, told_ns, heard_ns)


def new_key() -> bytes:
    return secrets.token_bytes(KEY_SIZE)
