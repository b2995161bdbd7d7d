"""TLS of the engine against a server's context in the same process, over a pair of sockets."""

from __future__ import annotations

import os
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from certificates import Authority
from malaria.errors import OperatorError
from malaria.model.access import Access
from malaria.transport.failures import PSK_UNUSED
from malaria.transport.poller import READ
from malaria.transport.stream import NOTHING_YET, RefusedError
from malaria.transport.tls import LARGEST_RECORD, TlsClients, TlsIdentity, TlsStream

KEY = b"\x01" * 32
PSK = Access(psk_identity="meter-{index}", psk=KEY.hex())
VERSIONS = ("1.2", "1.3")


class Server:
    """The other end, driven by hand."""

    def __init__(self, sock: socket.socket, keys: dict[str, bytes], ciphers: str = "PSK") -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(ciphers)
        context.set_psk_server_callback(self.key_of, "hint")
        self.keys = keys
        self.asked: list[str | None] = []
        sock.setblocking(False)
        self.sock = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)

    def key_of(self, identity: str | None) -> bytes:
        self.asked.append(identity)
        return self.keys.get(identity or "", b"")

    def step(self) -> None:
        """One step of the handshake; a failure is the client's to notice."""
        with suppress(OSError):
            self.sock.do_handshake()

    def read(self) -> bytes:
        try:
            return self.sock.recv(1 << 20)
        except ssl.SSLWantReadError:
            return b""


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def connected(ours: socket.socket, server: Server, access: Access = PSK, identity: str = "meter-1") -> TlsStream:
    handshake = TlsClients(access).handshake(ours, TlsIdentity((identity, KEY)))
    for _ in range(10):
        if not handshake.advance():
            server.step()
            stream = handshake.stream
            assert isinstance(stream, TlsStream)
            return stream
        server.step()
    raise AssertionError("the handshake has no end")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_gets_in_with_its_own_key(ends: tuple[socket.socket, socket.socket], version: str) -> None:
    server = Server(ends[1], {"meter-1": KEY})
    stream = connected(ends[0], server, PSK.model_copy(update={"tls_version": version}))
    assert set(server.asked) == {"meter-1"}
    assert stream.send(b"hello") == 5
    assert server.read() == b"hello"
    server.sock.send(b"answer")
    buffer = bytearray(100)
    assert bytes(buffer[: stream.recv_into(memoryview(buffer))]) == b"answer"
    with pytest.raises(NOTHING_YET):
        stream.recv_into(memoryview(buffer))


def test_two_handshakes_at_once_do_not_mix_their_keys() -> None:
    clients = TlsClients(PSK)
    pairs = [socket.socketpair() for _ in range(2)]
    keys = {"a": b"a" * 16, "b": b"b" * 16}
    handshakes, servers = [], []
    for (ours, theirs), identity in zip(pairs, keys, strict=True):
        ours.setblocking(False)
        servers.append(Server(theirs, keys))
        handshakes.append(clients.handshake(ours, TlsIdentity((identity, keys[identity]))))
    waiting = {0, 1}
    for _ in range(10):
        for i in sorted(waiting):
            if not handshakes[i].advance():
                waiting.discard(i)
            servers[i].step()
    assert not waiting
    assert [set(server.asked) for server in servers] == [{"a"}, {"b"}]
    for (ours, theirs), handshake, server in zip(pairs, handshakes, servers, strict=True):
        for sock in (ours, theirs, handshake.sock, server.sock):
            sock.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wrong_key_and_an_unknown_identity_are_told(version: str) -> None:
    for keys, words in (({"meter-1": b"other" * 4}, "wrong key"), ({}, "PSK identity")):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        server = Server(theirs, keys)
        with ours, theirs, server.sock, pytest.raises(RefusedError, match=words):
            connected(ours, server, PSK.model_copy(update={"tls_version": version}))


def test_no_cipher_in_common_is_told(ends: tuple[socket.socket, socket.socket]) -> None:
    server = Server(ends[1], {"meter-1": KEY}, "PSK-AES256-CCM8")
    with pytest.raises(RefusedError, match="no cipher in common"):
        connected(ends[0], server, PSK.model_copy(update={"tls_version": "1.2", "ciphers": "PSK-AES128-GCM-SHA256"}))


def test_a_side_that_hangs_up_is_told(ends: tuple[socket.socket, socket.socket]) -> None:
    handshake = TlsClients(PSK).handshake(ends[0], TlsIdentity(("meter-1", KEY)))
    assert handshake.advance() == READ
    ends[1].close()
    with pytest.raises(RefusedError, match="hung up in the handshake"):
        handshake.advance()


def test_what_the_kernel_does_not_take_is_offered_again(ends: tuple[socket.socket, socket.socket]) -> None:
    """More than the socket's buffer: whole and in order at the other side, whatever was appended meanwhile."""
    for sock, option in ((ends[0], socket.SO_SNDBUF), (ends[1], socket.SO_RCVBUF)):
        sock.setsockopt(socket.SOL_SOCKET, option, 4096)
    server = Server(ends[1], {"meter-1": KEY})
    stream = connected(ends[0], server)
    data = os.urandom(50 * LARGEST_RECORD + 77)
    waiting, received, blocked = bytearray(data), b"", 0
    server.sock.send(b"hello")
    while waiting or len(received) < len(data):
        if waiting:
            try:
                taken = stream.send(waiting)
                del waiting[:taken]
            except BlockingIOError:
                blocked += 1
                if blocked == 1:  # the first thing that is read comes in the middle of an unfinished record
                    assert stream.recv_into(memoryview(bytearray(10))) == 5
        received += server.read()
    assert received == data
    assert blocked


def test_a_certificate_where_a_key_was_offered_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS 1.3 falls back to the certificate, which nobody verifies: whoever wants a key must not take it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        server = Server(theirs, {"meter-1": KEY})
        monkeypatch.setattr(ssl.SSLSocket, "getpeercert", lambda *_, **__: b"a certificate")
        with pytest.raises(RefusedError) as refused:
            connected(ours, server)
        assert refused.value.strerror == PSK_UNUSED[0]


@pytest.mark.parametrize(
    ("access", "words"),
    [
        (Access(ciphers="NONSENSE"), "OpenSSL knows none"),
        (Access(cafile="/nowhere/ca.pem"), "/nowhere/ca.pem: No such file"),
    ],
)
def test_what_cannot_be_used_is_refused_beforehand(access: Access, words: str) -> None:
    with pytest.raises(OperatorError, match=words):
        TlsClients(access)


def test_a_key_log_is_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        connected(ours, Server(theirs, {"meter-1": KEY}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "CLIENT_RANDOM" in path.read_text() or "CLIENT_TRAFFIC_SECRET" in path.read_text()


def test_a_file_of_certificates_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    marked = tmp_path / "marked.pem"
    marked.write_bytes(b"\xef\xbb\xbf" + authority.cafile.read_bytes())
    context = TlsClients(Access(cafile=str(marked))).lasting_context(TlsIdentity())
    assert context.cert_store_stats()["x509_ca"] == 1
