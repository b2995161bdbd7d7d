"""TLS for thousands of clients in one thread: one context per group and key type, one identity per client.

A pre-shared key is asked for by OpenSSL in the middle of a handshake, through a callback of the context: `Handshake`
sets whose handshake it is before each step (Python 3.13, `set_psk_client_callback`). A client's own certificate is
loaded into a shared context just before its connection is made: OpenSSL copies it into the connection. A context keeps
one certificate of each key type (RSA, ECDSA, Ed25519) side by side, and the handshake chooses among them; so each key
type has a context of its own, in which every load replaces the certificate of the client before.

Measured (OpenSSL 3.0, our side of a handshake, memory a client): PSK-AES128-GCM 0.24 ms and 13.6 KiB, ECDHE-PSK 0.38 ms
and 16.2 KiB, TLS 1.3 with a key 0.37 ms and 15 KiB, DHE-PSK (what OpenSSL would choose) 5 ms.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from malaria.errors import OperatorError
from malaria.input_file import check_regular
from malaria.model.access import Access
from malaria.transport.failures import PSK_UNUSED, Proof, handshake_failure
from malaria.transport.key_type import key_type
from malaria.transport.limits import LARGEST_RECORD
from malaria.transport.poller import READ, WRITE
from malaria.transport.stream import NOTHING_YET, Lower, RefusedError, Stage, Stream

PSK_CIPHERS: Final = ":".join(
    (
        "PSK-AES128-GCM-SHA256",
        "ECDHE-PSK-CHACHA20-POLY1305",
        "PSK-AES256-GCM-SHA384",
        "PSK-CHACHA20-POLY1305",
        "ECDHE-PSK-AES128-CBC-SHA256",
        "ECDHE-PSK-AES256-CBC-SHA384",
        "PSK-AES128-CBC-SHA256",
        "PSK-AES256-CBC-SHA384",
        "PSK-AES128-CCM8",
    )
)
"""For TLS 1.2, in this order. TLS 1.3 has its own, which agree a fresh secret always."""
VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

type Key = tuple[str, bytes]
"""(identity, key)"""


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """The identity of a client in TLS. `key` for a pre-shared key; `certificate` is (chain file, key file or None)."""

    key: Key | None = field(default=None, repr=False)
    certificate: tuple[str, str | None] | None = None
    server_name: str = ""
    session: ssl.SSLSession | None = None


class TlsClients:
    """The TLS side of all clients of one group."""

    def __init__(self, access: Access) -> None:
        """Raises OperatorError for files and settings that cannot be used."""
        self.proof = Proof.KEY if access.uses_psk else Proof.CERTIFICATE if access.cert else Proof.NONE
        self.resumes = access.resume and not access.uses_psk
        self._asking: Key | None = None  # whose handshake is being driven
        self._access = access
        self._context = self._make_context(access)  # of the clients without a certificate
        self._contexts: dict[str, ssl.SSLContext] = {}  # by key type
        self._loaded: dict[str, tuple[str, str | None]] = {}  # key type -> the certificate in its context
        self._types: dict[str, str] = {}  # chain file -> the key type of its certificate at the last handshake

    def handshake(self, sock: socket.socket, identity: TlsIdentity) -> Handshake:
        """Begins over a connected socket, which belongs to the handshake from now on. Raises OSError."""
        context, session = self._context, identity.session
        if identity.certificate is not None:
            kind = _key_type(identity.certificate[0])
            if self._types.setdefault(identity.certificate[0], kind) != kind:
                session = None  # a new certificate of another key type: the session belongs to the former's context
                self._types[identity.certificate[0]] = kind
            context = self._load(kind, identity.certificate)
        wrapped = context.wrap_socket(
            sock,
            do_handshake_on_connect=False,
            server_hostname=identity.server_name or None,
            session=session,
        )
        return Handshake(self, wrapped, identity.key)

    def _load(self, kind: str, certificate: tuple[str, str | None]) -> ssl.SSLContext:
        """Return the context of this key type with the client's certificate in it. Raises RefusedError."""
        context = self._contexts.get(kind)
        if context is None:
            # the first key type takes the context that is there, checked when the run began
            context = self._contexts[kind] = self._make_context(self._access) if self._contexts else self._context
        if self._loaded.get(kind) == certificate:
            return context
        self._loaded.pop(kind, None)  # a load that fails half-way leaves a certificate without its key
        try:
            _load_certificate(context, certificate)
        except OSError as error:
            raise _unusable(certificate[0], error) from None
        self._loaded[kind] = certificate
        return context

    def drive(self, sock: ssl.SSLSocket, key: Key | None) -> None:
        """Take one step of a handshake with the identity of the client with this key."""
        self._asking = key
        try:
            sock.do_handshake()
        finally:
            self._asking = None

    def lasting_context(self, identity: TlsIdentity) -> ssl.SSLContext:
        """Return a context for one client alone, which keeps it: no other handshake may use this object then."""
        self._asking = identity.key
        if identity.certificate is not None:
            _load_certificate(self._context, identity.certificate)
        return self._context

    def _make_context(self, access: Access) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if access.tls_version:
            context.minimum_version = context.maximum_version = VERSIONS[access.tls_version]
        if key_log := os.environ.get("SSLKEYLOGFILE"):
            _open_privately(Path(key_log))
            context.keylog_filename = key_log
        if access.uses_psk:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE  # who has the key is the one
            context.set_psk_client_callback(self._tell_key)
        else:
            _trust(context, access)
        ciphers = access.ciphers or (PSK_CIPHERS if access.uses_psk else "")
        if ciphers:
            _set_ciphers(context, ciphers)
        return context

    def _tell_key(self, _: str | None) -> tuple[str | None, bytes]:
        return self._asking or (None, b"")


class Handshake:
    """The TLS handshake of one client."""

    stage = Stage.TLS
    resumed = False

    def __init__(self, clients: TlsClients, sock: ssl.SSLSocket, key: Key | None) -> None:
        self.sock = sock
        self._clients = clients
        self._key = key

    def advance(self) -> int:
        """Raises RefusedError when it fails."""
        try:
            self._clients.drive(self.sock, self._key)
        except ssl.SSLWantReadError:
            return READ
        except ssl.SSLWantWriteError:
            return WRITE
        except OSError as error:
            raise RefusedError(handshake_failure(error, self._clients.proof)) from None
        if self._key and self.sock.getpeercert(binary_form=True):
            raise RefusedError(PSK_UNUSED[0])  # TLS 1.3 goes on with a certificate that has not been verified
        self.resumed = self._key is None and bool(
            self.sock.session_reused
        )  # a pre-shared key of TLS 1.3 is reported as a session
        self._key = None
        return 0

    @property
    def stream(self) -> Lower:
        return TlsStream(self.sock)


class TlsStream(Stream):
    """Bytes in TLS records."""

    __slots__ = ("_fresh",)

    def __init__(self, sock: ssl.SSLSocket) -> None:
        super().__init__(sock)
        self._fresh = True

    def recv_into(self, view: memoryview, /) -> int:
        """Read as `socket.recv_into` does, but raise any of `NOTHING_YET` while nothing is there."""
        if not self._fresh:
            return self._lower.recv_into(view)
        try:
            count = self._lower.recv_into(view)
        except NOTHING_YET:
            self._release_write_buffer()
            raise
        self._fresh = False
        if count:
            self._release_write_buffer()
        return count

    def _release_write_buffer(self) -> None:
        """Free the write buffer, 16 KiB, that a TLS 1.3 session ticket makes OpenSSL keep until the next write.

        Sending nothing is one: it releases the buffer, and puts no byte on the wire. Not while a record waits in it.
        """
        if not self._rest:
            self._lower.send(b"")

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        """Send one record at a time: OpenSSL wants an unfinished one again from its first byte."""
        view, sent = memoryview(data), 0
        while sent < len(view):
            record = view[sent : sent + LARGEST_RECORD]
            try:
                sent += self._lower.send(record)
            except ssl.SSLWantWriteError:
                self._keep(bytes(record))
                return sent + len(record) - 1
            except ssl.SSLWantReadError:
                if not sent:
                    raise BlockingIOError from None
                return sent
        return sent

    def _send_rest(self) -> None:
        try:
            super()._send_rest()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None


def _key_type(file: str) -> str:
    try:
        return key_type(file)
    except OSError as error:
        raise _unusable(file, error) from None


def _load_certificate(context: ssl.SSLContext, certificate: tuple[str, str | None]) -> None:
    """Load a certificate and its key. Raises OSError, of which ssl.SSLError is one."""
    for file in certificate:
        if file is not None:
            check_regular(Path(file))  # OpenSSL would wait for the writer of a pipe
    context.load_cert_chain(*certificate, password=_no_passphrase)


def _unusable(file: str, error: OSError) -> RefusedError:
    fault = "no certificate and key in PEM that fit" if isinstance(error, ssl.SSLError) else error.strerror
    return RefusedError(f"our certificate {file}: {fault}")


def _trust(context: ssl.SSLContext, access: Access) -> None:
    """Set which certificates of a broker are trusted."""
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return
    if access.cafile is None:
        context.load_default_certs()
        return
    try:
        check_regular(Path(access.cafile))
        context.load_verify_locations(access.cafile)
    except (ssl.SSLError, OSError) as error:
        raise OperatorError(
            f"--cafile {access.cafile}: {_file_fault(error)}", "give a file of CA certificates in PEM"
        ) from None


def _set_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        raise OperatorError(
            f"--ciphers {ciphers}: OpenSSL knows none of them", "`openssl ciphers -v ALL` lists their names"
        ) from None


def _file_fault(error: OSError) -> str:
    return "no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror or str(error)


def _open_privately(path: Path) -> None:
    """Create the key log readable by its owner only: it decrypts a recording of the traffic."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise OperatorError(
            f"SSLKEYLOGFILE={path}: {error.strerror}", "unset it, or name a file that can be written"
        ) from None


def _no_passphrase() -> str:
    """OpenSSL would ask at the terminal."""
    raise ssl.SSLError("the key file wants a passphrase")
