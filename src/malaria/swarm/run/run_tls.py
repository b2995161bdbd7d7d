"""TLS between the conductor and the bees of one run, with the certificates of `certificates`.

Promises: both ends show a certificate of this run's authority before anything is read; a bee takes the conductor's
certificate alone, and the certificate of a bee serves no connection; keys are not written to a disk.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from malaria.swarm.run.certificates import CONDUCTOR, RunCertificates

SERVER_NAME: Final = CONDUCTOR
"""The name in the conductor's certificate. Its address may be any: the bee got that over ssh."""


def conductor_context(certificates: RunCertificates) -> ssl.SSLContext:
    """Return the settings of the conductor, who is called."""
    return _context(ssl.PROTOCOL_TLS_SERVER, certificates)


def bee_context(certificates: RunCertificates) -> ssl.SSLContext:
    """Return the settings of a bee, which calls."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, certificates)


def name_of_peer(connection: Any) -> str:
    """Return the name in the certificate of the other end, which has been checked."""
    subject = (connection.getpeercert() or {}).get("subject", ())
    return next((str(value) for ((key, value),) in subject if key == "commonName"), "")


def _context(protocol: int, certificates: RunCertificates) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=certificates.authority)
    with _as_file(certificates.certificate + certificates.key) as path:
        context.load_cert_chain(path)
    return context


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """Yield a path at which a text can be read: Python's ssl takes certificates from files alone."""
    # a file in memory, which nobody else can open
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("certificate"), "w") as memory:
            memory.write(text)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # for its owner alone
        file.write(text)
        file.flush()
        yield file.name
