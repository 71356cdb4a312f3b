"""STARTTLS and TLS from the first byte, with certificates that are trusted, expired, or somebody else's."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from automation.channels.base import AuthFailed, Login
from automation.channels.email.channel import connect
from tests.channels.email.conftest import OURS, mail
from tests.channels.email.imap_server import ImapServer
from tests.channels.email.smtp_server import SmtpServer

Make = Callable[..., ssl.SSLContext]


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a server's context; its certificate is trusted here, which does not make it the right one."""

    def make(address: str = "127.0.0.1", *, days: int = 1) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10)).not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = built.public_bytes(serialization.Encoding.PEM)
        (tmp_path / "trusted.pem").write_bytes(public)
        (tmp_path / "server.pem").write_bytes(private + public)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem")
        return context

    return make


@pytest.fixture
def serve() -> Iterator[Callable[[ssl.SSLContext, str], Login]]:
    """Starts SMTP and IMAP of one kind of security and gives the login for them."""
    servers: list[SmtpServer | ImapServer] = []

    def start(context: ssl.SSLContext, security: str) -> Login:
        implicit = security == "tls"
        smtp = SmtpServer(
            {OURS: "pw"}, tls=None if implicit else context, implicit_tls=context if implicit else None
        )
        imap = ImapServer(starttls=None if implicit else context, tls=context if implicit else None)
        servers.extend([smtp, imap])
        imap.add_user(OURS, "pw")
        secret = {
            "password": "pw", "smtp_host": "127.0.0.1", "smtp_port": str(smtp.port), "smtp_security": security,
            "imap_host": "127.0.0.1", "imap_port": str(imap.port), "imap_security": security,
        }  # fmt: skip
        return Login(account_id=1, handle=OURS, secret=secret)

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_and_comes_encrypted(certificate: Make, serve: Callable[..., Login], security: str) -> None:
    channel = connect(serve(certificate(), security))
    assert channel.verify().handle == OURS
    assert channel.message(mail()).remote_id
    assert channel.inbox("").messages == ()
    channel.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(("address", "days"), [("192.0.2.1", 1), ("127.0.0.1", -1)])
@pytest.mark.parametrize("protocol", ["smtp", "imap"])
def test_a_certificate_that_is_not_right_ends_it(
    certificate: Make, serve: Callable[..., Login], security: str, address: str, days: int, protocol: str
) -> None:
    channel = connect(serve(certificate(address, days=days), security))
    with pytest.raises(AuthFailed, match="certificate"):
        if protocol == "smtp":
            channel.message(mail())
        else:
            channel.inbox("")


def test_a_server_without_starttls_gets_no_password(serve: Callable[..., Login], certificate: Make) -> None:
    context = certificate()
    login = serve(context, "starttls")
    plain = SmtpServer({OURS: "pw"})
    login.secret["smtp_port"] = str(plain.port)
    with pytest.raises(AuthFailed, match="STARTTLS"):
        connect(login).message(mail())
    plain.close()


def test_a_mailbox_without_starttls_gets_no_password(serve: Callable[..., Login], certificate: Make) -> None:
    login = serve(certificate(), "starttls")
    plain = ImapServer()
    login.secret["imap_port"] = str(plain.port)
    with pytest.raises(AuthFailed, match="offers no STARTTLS"):
        connect(login).inbox("")
    plain.close()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_authority_of_our_own_is_trusted_by_its_setting(
    certificate: Make,
    serve: Callable[..., Login],
    security: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    login = serve(certificate(), security)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(AuthFailed, match="certificate"):
        connect(login).verify()
    settings.TLS_CA_FILE = str(tmp_path / "trusted.pem")
    assert connect(login).verify().handle == OURS


def test_an_authority_of_our_own_is_trusted_for_its_own_names_only(
    certificate: Make,
    serve: Callable[..., Login],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    login = serve(certificate("192.0.2.1"), "tls")
    monkeypatch.delenv("SSL_CERT_FILE")
    settings.TLS_CA_FILE = str(tmp_path / "trusted.pem")
    with pytest.raises(AuthFailed, match="certificate"):
        connect(login).verify()
