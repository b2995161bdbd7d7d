"""Certificates and keys for tests: one authority, servers good and bad, clients each with their own, PSK files.

Made anew for each session, valid for a day, so nothing here can be mistaken for a secret worth keeping.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

type PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

HERE: Final = ("localhost", "127.0.0.1")
DAY: Final = timedelta(days=1)
IDENTITIES: Final = 5_000
"""Keys in the PSK file: more than any test has clients."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, both PEM."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority of ours; what it issues lies in `directory`. A second one is a stranger to the first."""

    def __init__(self, directory: Path, name: str = "malaria test authority") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._key: PrivateKey = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        builder = _builder(self._name, self._name, self._key, (datetime.now(UTC) - DAY, datetime.now(UTC) + DAY))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)  # signs certificates
        self._certificate = builder.add_extension(usage, critical=True).sign(self._key, SHA256())
        self.cafile = directory / "ca.pem"
        self.cafile.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def server(self, file: str, *, names: Sequence[str] = HERE, use_rsa: bool = False, expired: bool = False
               ) -> Certificate:  # fmt: skip
        """A server's certificate for `names`, host names or addresses."""
        until = datetime.now(UTC) + (-timedelta(hours=1) if expired else DAY)
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        return self._issue(file, names[0], _key(use_rsa), ExtendedKeyUsageOID.SERVER_AUTH, until, alternatives)

    def client(self, name: str, *, use_rsa: bool = False, expired: bool = False) -> Certificate:
        """A client's certificate; `name` is its common name and the stem of its files."""
        until = datetime.now(UTC) + (-timedelta(hours=1) if expired else DAY)
        return self._issue(name, name, _key(use_rsa), ExtendedKeyUsageOID.CLIENT_AUTH, until, None)

    def _issue(self, file: str, common_name: str, key: PrivateKey, use: x509.ObjectIdentifier, until: datetime,
               alternatives: x509.SubjectAlternativeName | None) -> Certificate:  # fmt: skip
        builder = _builder(_name(common_name), self._name, key, (until - 2 * DAY, until))
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(authority, critical=False)
        if alternatives is not None:
            builder = builder.add_extension(alternatives, critical=False)
        issued = Certificate(self.directory / f"{file}.pem", self.directory / f"{file}.key")
        issued.cert.write_bytes(builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        _write_key(issued.key, key)
        return issued


def write_psk_file(path: Path, identities: int = IDENTITIES) -> Path:
    """mosquitto's `identity:hexkey` lines: meter-00000 to meter-04999."""
    path.touch(mode=0o600)
    path.write_text("".join(f"meter-{index:05d}:{secrets.token_hex(16)}\n" for index in range(identities)))
    return path


def psk_lines(path: Path) -> list[tuple[str, bytes]]:
    """(identity, key) of each line."""
    return [(identity, bytes.fromhex(key)) for identity, _, key in (line.partition(":") for line in
            path.read_text().splitlines())]  # fmt: skip


def _key(use_rsa: bool) -> PrivateKey:
    return rsa.generate_private_key(65537, 2048) if use_rsa else ec.generate_private_key(ec.SECP256R1())


def _write_key(path: Path, key: PrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), *valid)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
