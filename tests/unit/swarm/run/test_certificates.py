"""The papers of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from malaria.swarm.run.certificates import issue

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def test_each_part_has_a_certificate_of_the_runs_authority_and_its_own_key() -> None:
    papers = issue(["bee-1"], NOW)
    assert papers["conductor"].authority == papers["bee-1"].authority
    authority = certificate(papers["bee-1"].authority)
    for name, paper in papers.items():
        mine = certificate(paper.certificate)
        mine.verify_directly_issued_by(authority)
        assert mine.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == name
        key = load_pem_private_key(paper.key.encode(), None)
        assert key.public_key() == mine.public_key()
        assert mine.not_valid_before_utc < NOW < NOW + timedelta(days=7) < mine.not_valid_after_utc


def test_the_papers_of_another_run_are_not_believed() -> None:
    one, other = issue(["bee-1"], NOW)["bee-1"], issue(["bee-1"], NOW)["bee-1"]
    with pytest.raises((ValueError, InvalidSignature)):
        certificate(one.certificate).verify_directly_issued_by(certificate(other.authority))


def test_a_part_cannot_issue_papers_itself() -> None:
    mine = certificate(issue(["bee-1"], NOW)["bee-1"].certificate)
    assert not mine.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_authoritys_key_is_not_handed_out_and_keys_are_not_shown() -> None:
    papers = issue(["bee-1"], NOW)["bee-1"]
    key = load_pem_private_key(papers.key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() != certificate(papers.authority).public_key()
    assert "PRIVATE" not in repr(papers)


def test_a_bee_calls_and_is_never_called() -> None:
    papers = issue(["bee-1"], NOW)
    wanted = {"conductor": ExtendedKeyUsageOID.SERVER_AUTH, "bee-1": ExtendedKeyUsageOID.CLIENT_AUTH}
    for name, oid in wanted.items():
        extensions = certificate(papers[name].certificate).extensions
        assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [oid]
