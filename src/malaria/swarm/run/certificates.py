"""Issue certificates for the conductor and the bees of one run: a new authority, and a key for each of them.

Promises: without a certificate of this run's authority nobody can read or send anything; a bee's certificate holds its
name and is good for calling the conductor, not for being called; keys are in memory, and reach a bee inside its ssh
connection, never in an argument. The authority's key is not kept, so nobody can join later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, Name

CONDUCTOR: Final = "conductor"
"""The conductor's name in its certificate; no bee can have it."""
LIFE: Final = timedelta(days=31)
"""Longer than any run."""
EARLY: Final = timedelta(days=1)
"""Certificates are valid from a day ago, so that bees whose clock is behind take them."""


@dataclass(frozen=True, slots=True)
class RunCertificates:
    """The certificates and the key of the conductor or of one bee, in PEM."""

    authority: str
    certificate: str
    key: str = field(repr=False)


def issue(bees: Iterable[str], now: datetime | None = None) -> dict[str, RunCertificates]:
    """Issue certificates for the conductor and every bee, by name, by one new authority."""
    from cryptography.hazmat.primitives.asymmetric import ec

    now = now or datetime.now(UTC)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certify("malaria run", authority_key, None, now)
    issued: dict[str, RunCertificates] = {}
    for name in (CONDUCTOR, *bees):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certify(name, key, (authority.subject, authority_key), now)
        issued[name] = RunCertificates(_pem(authority), _pem(certificate), _pem_of_key(key))
    return issued


def _certify(
    name: str,
    key: EllipticCurvePrivateKey,
    issuer: tuple[Name, EllipticCurvePrivateKey] | None,
    now: datetime,
) -> Certificate:
    """Make a certificate; without an issuer that of an authority, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issued_by, signing = issuer or (subject, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=0 if issuer is None else None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False)
    )
    if issuer is None:
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, True)
    else:
        # bees call and the conductor is called: nobody can take the place of the other
        usages = ExtendedKeyUsageOID.SERVER_AUTH if name == CONDUCTOR else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usages]), True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    return builder.sign(signing, hashes.SHA256())


def _pem(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _pem_of_key(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
