"""A certificate authority for the lab: leaves that are good, and leaves that are wrong in one named way."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Flaw(StrEnum):
    """What is wrong with a certificate."""

    NONE = "none"
    """Valid for 61 days, signed by the lab's authority."""
    NEAR_EXPIRY = "near-expiry"
    """Valid, for a few days only."""
    EXPIRED = "expired"
    """Its last day was three days ago."""
    NOT_YET_VALID = "not-yet-valid"
    """Its first day is in three days."""
    WRONG_NAME = "wrong-name"
    """Made out to another host."""
    SELF_SIGNED = "self-signed"
    """Signed by its own key."""
    UNTRUSTED = "untrusted"
    """Signed by an authority that nobody trusts."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate with its chain, and its private key, as PEM files."""

    certificate_file: Path
    key_file: Path

    def context(self) -> ssl.SSLContext:
        """A server-side TLS context that presents this leaf."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate_file, self.key_file)
        return context


class Authority:
    """
    The lab's certificate authority.

    Attributes:
        ca_file: its certificate, as PEM: what ``network.ca_file`` should name.
    """

    def __init__(self, directory: Path, *, now: datetime | None = None) -> None:
        """Make a new authority with its files in ``directory``; validity is reckoned from ``now``."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._now = now or datetime.now(UTC)
        self._ca = trustme.CA(organization_name="foci-bot lab")
        self._stranger = trustme.CA(organization_name="an authority nobody trusts")
        self._leaves: dict[tuple[tuple[str, ...], Flaw, int], Leaf] = {}
        self.ca_file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def client_context(self) -> ssl.SSLContext:
        """A client-side TLS context that trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def issue(self, *names: str, flaw: Flaw = Flaw.NONE, days: int | None = None) -> Leaf:
        """
        A leaf for host names or addresses; the same arguments give the same leaf.

        Args:
            names: what it is made out to (unless the flaw is WRONG_NAME).
            flaw: what is wrong with it.
            days: how long it is still valid, where it is; 61, or 5 when near expiry, if not given.
        """
        if days is None:
            days = 5 if flaw is Flaw.NEAR_EXPIRY else 61
        key = (names, flaw, days)
        if key not in self._leaves:
            self._leaves[key] = self._write(names, flaw, days)
        return self._leaves[key]

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """A certificate of somebody else's making that lacks its issuer and signature, signed by this authority."""
        return _signed(builder, self._ca)

    def _write(self, names: Sequence[str], flaw: Flaw, days: int) -> Leaf:
        stem = self._directory / f"leaf-{len(self._leaves)}-{flaw}"
        leaf = Leaf(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(names, flaw, key.public_key(), *self._validity(flaw, days))
        if flaw is Flaw.SELF_SIGNED:
            certificate = builder.issuer_name(_name("TRAEFIK DEFAULT CERT")).sign(key, hashes.SHA256())
        else:
            certificate = _signed(builder, self._stranger if flaw is Flaw.UNTRUSTED else self._ca)
        leaf.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        leaf.key_file.touch(mode=0o600)
        leaf.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return leaf

    def _validity(self, flaw: Flaw, days: int) -> tuple[datetime, datetime]:
        if flaw is Flaw.EXPIRED:
            return self._now - timedelta(days=90), self._now - timedelta(days=3)
        if flaw is Flaw.NOT_YET_VALID:
            return self._now + timedelta(days=3), self._now + timedelta(days=93)
        # An hour more than whole days, so that "days left" rounds down to what was asked for.
        return self._now - timedelta(days=29), self._now + timedelta(days=days, hours=1)


def _builder(
    names: Sequence[str],
    flaw: Flaw,
    key: ec.EllipticCurvePublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    """A leaf that lacks its issuer and signature. Built here since trustme refuses names with underscores."""
    if flaw is Flaw.WRONG_NAME:
        names = ["another-host.test"]
    common_name = "TRAEFIK DEFAULT CERT" if flaw is Flaw.SELF_SIGNED else names[0][:64]
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, ca: trustme.CA) -> x509.Certificate:
    certificate = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    key = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is expected to be an elliptic-curve key")
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        builder.issuer_name(certificate.subject)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
