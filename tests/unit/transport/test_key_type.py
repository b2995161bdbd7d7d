"""The key type that is read from a certificate's file."""

from __future__ import annotations

from pathlib import Path

from certificates import Authority
from malaria.transport.key_type import key_type

RSA = "2a864886f70d010101"  # 1.2.840.113549.1.1.1
ELLIPTIC = "2a8648ce3d0201"  # 1.2.840.10045.2.1


def test_rsa_and_elliptic_curves_differ(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    assert key_type(str(authority.client("a").cert)) == ELLIPTIC
    assert key_type(str(authority.client("b", use_rsa=True).cert)) == RSA


def test_the_first_certificate_of_a_chain_counts(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    chain = tmp_path / "chain.pem"
    own = authority.client("b", use_rsa=True)
    chain.write_bytes(own.key.read_bytes() + own.cert.read_bytes() + authority.cafile.read_bytes())
    assert key_type(str(chain)) == RSA


def test_a_file_that_cannot_be_read_shares_its_type_with_none(tmp_path: Path) -> None:
    for name, text in (("empty", b""), ("cut", b"-----BEGIN CERTIFICATE-----\nMAAw\n-----END CERTIFICATE-----\n")):
        (tmp_path / name).write_bytes(text)
        assert key_type(str(tmp_path / name)) == str(tmp_path / name)
