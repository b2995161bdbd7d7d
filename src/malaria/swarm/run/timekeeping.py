"""Ask a bee for its time by datagrams: a round trip of a tenth of a millisecond, where a call over Dask takes several.

A question is a nonce, an answer the same nonce and the time, both sealed with a key of the run, so that nobody else can
answer. Where a firewall blocks datagrams, the exchanges that go with each command over Dask must do: the offset is as
true then, and its error larger.
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
"""How long one answer is waited for. A later one would bound the offset poorly."""


def seal(key: bytes, data: bytes) -> bytes:
    """Return a seal over data, which only a holder of the key can make."""
    return hashlib.blake2b(data, digest_size=SEAL_SIZE, key=key).digest()


def answer_to(question: bytes, key: bytes, clock: Clock) -> bytes | None:
    """Return the answer to a question; None for any other datagram."""
    at_ns = clock()  # first: what follows takes time
    nonce, given = question[:NONCE_SIZE], question[NONCE_SIZE:]
    if len(question) != QUESTION_SIZE or not hmac.compare_digest(given, seal(key, nonce)):
        return None
    body = nonce + TIME.pack(at_ns)
    return body + seal(key, body)


def time_in(answer: bytes, nonce: bytes, key: bytes) -> int | None:
    """Return the time in an answer to the question with that nonce; None for any other datagram."""
    body, given = answer[:-SEAL_SIZE], answer[-SEAL_SIZE:]
    if len(answer) != ANSWER_SIZE or body[:NONCE_SIZE] != nonce or not hmac.compare_digest(given, seal(key, body)):
        return None
    return int(TIME.unpack(body[NONCE_SIZE:])[0])


class TimeServer:
    """A thread on a bee that answers questions for its time from holders of the key, until it is closed.

    `on_question` is called for each question that is genuine: a sign of life of the conductor.
    """

    def __init__(self, host: str, key: bytes, on_question: Callable[[], None]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._key = key
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
                answer = answer_to(question, self._key, now_ns)
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
    nonce = secrets.token_bytes(NONCE_SIZE)
    question = nonce + seal(key, nonce)
    asked_ns = now_ns()
    send(question)
    while True:
        answer = receive(512)
        heard_ns = now_ns()
        answered_ns = time_in(answer, nonce, key)
        if answered_ns is not None:
            return Exchange(asked_ns, answered_ns, heard_ns)


def new_key() -> bytes:
    return secrets.token_bytes(KEY_SIZE)
