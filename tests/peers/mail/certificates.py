"""A certificate authority of our own, and certificates for loopback that are good, or were."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = ipaddress.ip_address("127.0.0.1")


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs; ``bundle`` is the file by which it is trusted."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def bundle(self) -> Path:
        return self.folder / "authority.pem"

    def issue(self, name: str, *, days: int = 2) -> tuple[Path, Path]:
        """A certificate for 127.0.0.1 and the file of its key; with negative ``days`` it ended so long ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([x509.IPAddress(HERE), x509.DNSName("localhost")])
        built = (
            _builder("mail.ours.test", self.certificate.subject, key, days)
            .add_extension(alternative, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        certificate, private = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(_as_pem(key))
        private.chmod(0o600)
        return certificate, private


def authority(folder: Path) -> Authority:
    """A new authority, its certificate in ``folder``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ours")])
    built = (
        _builder("Ours", name, key, 2)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    found = Authority(folder, key, built)
    found.bundle.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    return found


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
    )


def _as_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
