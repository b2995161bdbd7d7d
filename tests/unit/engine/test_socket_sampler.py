"""Where bytes wait, on real connections of this kernel: what each side does not read is seen."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from malaria.engine.socket_sampler import read_state

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads TCP_INFO of Linux")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0] as peer,
    ):
        ours.setblocking(False)
        yield ours, peer


def test_a_quiet_connection_has_nothing_waiting(pair: tuple[socket.socket, socket.socket]) -> None:
    state = read_state(pair[0])
    assert state is not None
    assert (state.unsent_bytes, state.unread_bytes, state.probes) == (0, 0, 0)


def test_bytes_that_we_do_not_read(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    peer.sendall(bytes(10_000))
    state = read_state(ours)
    assert state is not None
    assert state.unread_bytes == 10_000


def test_bytes_that_the_peer_does_not_read(pair: tuple[socket.socket, socket.socket]) -> None:
    """Send until its window is shut and our queue is full."""
    ours, _ = pair
    with suppress(BlockingIOError):
        while True:
            ours.send(bytes(65_536))
    state = read_state(ours)
    assert state is not None
    assert state.unsent_bytes > 100_000


def test_a_closed_socket_tells_nothing() -> None:
    sock = socket.socket()
    sock.close()
    assert read_state(sock) is None
