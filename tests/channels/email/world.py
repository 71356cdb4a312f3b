"""A world of mail on loopback: SMTP that takes what we send, IMAP with our mailboxes, and people who answer, away or gone.

Nothing of it is ours: aiosmtpd and pymap speak the protocols, and reports are written as mail systems write them.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

from automation.channels.base import Login
from automation.channels.email.imap import Imap, Raw
from automation.channels.email.mailbox import mailbox_of
from tests.channels.email.imap_server import ImapServer
from tests.channels.email.smtp_server import SmtpServer, Taken

HERE = "127.0.0.1"
SENT = "Sent"


class MailWorld:
    """Everything a mailbox of ours touches. ``files_sent``: whether the server puts what we send into Sent itself."""

    def __init__(self, *, files_sent: bool = True) -> None:
        self.files_sent = files_sent
        self.users: dict[str, str] = {}
        self.secrets: dict[str, dict[str, Any]] = {}
        self.imap = ImapServer()
        self.smtp = SmtpServer(self.users, deliver=self._deliver)

    def __enter__(self) -> MailWorld:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.smtp.close()
        self.imap.close()

    # --- Mailboxes -------------------------------------------------------------------------------------------------

    def mailbox(self, address: str, password: str = "") -> dict[str, Any]:
        """A mailbox of ours; gives the secret to sign in with."""
        password = password or f"pass-{address}"
        self.users[address] = password
        self.imap.add_user(address, password, SENT)
        self.secrets[address] = {
            "password": password, "smtp_host": HERE, "smtp_port": str(self.smtp.port), "smtp_security": "none",
            "imap_host": HERE, "imap_port": str(self.imap.port), "imap_security": "none", "from_name": "Ann Example",
        }  # fmt: skip
        return self.secrets[address]

    def login(self, address: str, **changes: Any) -> Login:
        """A new mailbox, as a channel signs in to it."""
        return Login(account_id=1, handle=address, secret={**self.mailbox(address), **changes})

    def news(self, address: str, since: str = "") -> tuple[list[Raw], str, bool]:
        """What lies in one of our mailboxes after ``since``, as the channel reads it."""
        server = mailbox_of(Login(account_id=0, handle=address, secret=self.secrets[address])).imap
        assert server is not None
        box = Imap(server)
        try:
            return box.news(since)
        finally:
            box.close()

    async def _deliver(self, loop: asyncio.AbstractEventLoop, taken: Taken) -> None:
        if self.files_sent and taken.sender in self.users:
            await self.imap.deliver_from(loop, taken.sender, taken.content, SENT)
        if taken.recipient in self.users:
            await self.imap.deliver_from(loop, taken.recipient, taken.content, "INBOX")

    # --- What comes back -------------------------------------------------------------------------------------------

    def arrives(self, mailbox: str, message: EmailMessage | bytes) -> None:
        """A message arrives in one of our mailboxes."""
        self.imap.put(
            mailbox, message if isinstance(message, bytes) else message.as_bytes(policy=email.policy.SMTP)
        )

    def reply(self, taken: Taken, text: str, *, sender: str = "", **headers: str) -> EmailMessage:
        """The recipient answers what they got, quoting it as mail programs do."""
        original = email.message_from_bytes(taken.content, policy=email.policy.default)
        message = _message(sender or taken.recipient, taken.sender, f"Re: {original['Subject']}")
        message["In-Reply-To"] = message["References"] = f"<{taken.message_id}>"
        for name, value in headers.items():
            del message[name.replace("_", "-")]
            message[name.replace("_", "-")] = value
        body = original.get_body(("plain",))
        quoted = "".join(f"> {line}\n" for line in (body.get_content() if body else "").splitlines())
        message.set_content(f"{text}\n\nOn Mon, 3 Nov 2025 at 10:00, {taken.sender} wrote:\n\n{quoted}")
        self.arrives(taken.sender, message)
        return message

    def out_of_office(self, taken: Taken) -> EmailMessage:
        """Their mail program answers for them."""
        return self.reply(
            taken, "I am on leave until Monday. Please do not write to me meanwhile.",
            Subject="Automatic reply: Hello", Auto_Submitted="auto-replied",
        )  # fmt: skip

    def report(self, taken: Taken, status: str, words: str, *, action: str = "failed") -> EmailMessage:
        """The recipient's mail system reports, as RFC 3464 says."""
        message = _message("MAILER-DAEMON@mail.test", taken.sender, "Undelivered Mail Returned to Sender")
        message["Auto-Submitted"] = "auto-replied"
        message["Return-Path"] = "<>"
        report = (
            f"Reporting-MTA: dns; mail.test\r\n\r\nFinal-Recipient: rfc822; {taken.recipient}\r\nAction: {action}\r\n"
            f"Status: {status}\r\nDiagnostic-Code: smtp; {words}\r\n"
        )
        self.arrives(taken.sender, _multipart(message, "delivery-status", report, taken))
        return message

    def complaint(self, taken: Taken, kind: str = "abuse") -> EmailMessage:
        """The recipient pressed "spam", and their provider says so (RFC 5965)."""
        message = _message("fbl@provider.test", taken.sender, "complaint about message from 192.0.2.1")
        report = f"Feedback-Type: {kind}\r\nUser-Agent: Test/1\r\nVersion: 1\r\nOriginal-Rcpt-To: <{taken.recipient}>\r\n"
        self.arrives(taken.sender, _multipart(message, "feedback-report", report, taken))
        return message


def _message(sender: str, recipient: str, subject: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, recipient, subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain="people.test")
    return message


def _multipart(message: EmailMessage, kind: str, report: str, taken: Taken) -> bytes:
    """A multipart/report written by hand: the library has its own idea of message/ parts."""
    head = "".join(f"{name}: {value}\r\n" for name, value in message.items())
    original = taken.content.partition(b"\r\n\r\n")[0].decode()
    body = (
        f'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={kind}; boundary="edge"\r\n\r\n'
        f"--edge\r\nContent-Type: text/plain\r\n\r\nThis is the mail system.\r\n\r\n"
        f"--edge\r\nContent-Type: message/{kind}\r\n\r\n{report}\r\n"
        f"--edge\r\nContent-Type: text/rfc822-headers\r\n\r\n{original}\r\n\r\n--edge--\r\n"
    )
    return (head + body).encode()
