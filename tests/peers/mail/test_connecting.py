"""Connecting a mailbox at Postfix and Dovecot: what works, and what is said of what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automation.channels.base import AuthFailed, ChannelError, TryLater
from automation.channels.email.channel import EmailChannel
from tests.channels.email.conftest import mail
from tests.peers.mail.server import Postoffice

pytestmark = pytest.mark.peers
Open = Callable[..., EmailChannel]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mailbox_is_connected_by_starttls_and_by_tls(
    post: Postoffice, opened: Open, address: str, person: str, security: str
) -> None:
    ports = post.ports
    chosen = {
        "starttls": {"smtp_port": ports.submission, "imap_port": ports.imap},
        "tls": {"smtp_port": ports.submissions, "imap_port": ports.imaps},
    }[security]
    own = opened(
        address, smtp_security=security, imap_security=security, **{k: str(v) for k, v in chosen.items()}
    )
    assert own.verify().handle == address
    own.message(mail(handle=person))
    assert len(post.wait_for(person)) == 1


def test_without_its_authority_no_password_is_sent(
    post: Postoffice, opened: Open, address: str, settings: Any
) -> None:
    settings.TLS_CA_FILE = ""
    with pytest.raises(AuthFailed, match="certificate is not trusted"):
        opened(address).verify()
    with pytest.raises(AuthFailed, match="certificate is not trusted"):
        opened(address).inbox("")


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"smtp_password": "wrong"}, AuthFailed, "The mail server said 535"),
        ({"imap_password": "wrong"}, AuthFailed, r"refused user name or password: \[AUTHENTICATIONFAILED\] Auth"),
        ({"smtp_port": "closed"}, TryLater, "Nothing answers at 127.0.0.1 on port"),
        ({"imap_port": "closed"}, TryLater, "Nothing answers at 127.0.0.1 on port"),
        ({"smtp_security": "tls"}, TryLater, "Set the SMTP security to starttls"),
        ({"imap_security": "tls"}, TryLater, "Set the IMAP security to starttls"),
        ({"smtp_port": "submissions"}, TryLater, "set the SMTP security to tls"),
        ({"imap_port": "imaps"}, TryLater, "set the IMAP security to tls"),
        ({"smtp_port": "imap"}, TryLater, "Is this the port of its SMTP"),
        ({"imap_port": "submission"}, TryLater, "220 mail.ours.test"),
        ({"smtp_port": "plain"}, AuthFailed, "STARTTLS extension not supported"),
        ({"smtp_port": "relay"}, AuthFailed, "AUTH extension not supported"),
        ({"smtp_port": "stale"}, AuthFailed, "certificate has expired"),
        ({"smtp_security": "none"}, AuthFailed, "AUTH extension not supported"),
    ],
    ids=lambda value: "-".join(f"{k}-{v}" for k, v in value.items()) if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_is_wrong_is_said(
    post: Postoffice,
    opened: Open,
    address: str,
    changes: dict[str, str],
    kind: type[ChannelError],
    words: str,
) -> None:
    ports = {name: str(getattr(post.ports, value)) for name, value in changes.items() if "port" in name}
    with pytest.raises(kind, match=words) as caught:
        opened(address, **{**changes, **ports}).verify()
    assert post.secrets[address] not in str(caught.value)
