"""The key type of a certificate, read from its file: OpenSSL keeps certificates of different key types side by side.

The `ssl` module does not report it. Only the outline of the certificate is read (RFC 5280, 4.1); OpenSSL checks it.
"""

from __future__ import annotations

import binascii
import re
from pathlib import Path
from typing import Final

from malaria.input_file import read_input_bytes

LARGEST_FILE_BYTES: Final = 10**7
_PEM: Final = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END", re.DOTALL)
_VERSION_TAG: Final = 0xA0
_BEFORE_THE_KEY: Final = 5
"""Serial number, signature algorithm, issuer, validity, subject."""


def key_type(file: str) -> str:
    """Return the object identifier of the public key's algorithm in hex, from the first certificate of a PEM file.

    Curves of ECDSA share one type. A file without a certificate that can be read gets its own name as the type, so
    that it shares nothing with others. Raises OSError.
    """
    found = _PEM.search(read_input_bytes(Path(file), LARGEST_FILE_BYTES))
    try:
        return _algorithm(binascii.a2b_base64(found[1])).hex() if found else file
    except (ValueError, IndexError):
        return file


def _algorithm(der: bytes) -> bytes:
    at, _ = _content(der, 0)  # Certificate
    at, _ = _content(der, at)  # TBSCertificate
    if der[at] == _VERSION_TAG:
        at = sum(_content(der, at))
    for _ in range(_BEFORE_THE_KEY):
        at = sum(_content(der, at))
    at, _ = _content(der, at)  # SubjectPublicKeyInfo
    at, _ = _content(der, at)  # AlgorithmIdentifier
    at, length = _content(der, at)
    return der[at : at + length]


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the element at `at` begins, and its length (X.690, 8.1.3)."""
    length = der[at + 1]
    if length < 0x80:
        return at + 2, length
    digits = length & 0x7F
    return at + 2 + digits, int.from_bytes(der[at + 2 : at + 2 + digits])
