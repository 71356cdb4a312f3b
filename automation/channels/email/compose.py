"""An act as the bytes that go out. The Message-ID follows from the send id, so it is known before anything is sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any
from uuid import UUID

from automation.channels.base import Act, Refused
from automation.channels.email import wording
from automation.channels.email.mailbox import Mailbox

# Ids and addresses that must arrive as they are: the library would fold long ones into encoded words.
VERBATIM = frozenset({"message-id", "in-reply-to", "references", "list-unsubscribe", "list-unsubscribe-post"})
_ID = re.compile(r"[!-;=?-~]{3,900}")  # printable, no angle brackets, no spaces: RFC 5322, section 3.6.4
_ADDRESS = re.compile(r'[^\s<>@,;:"()\[\]\\\0]+@[^\s<>@,;:"()\[\]\\\0]+')
_LINK = re.compile(r"https?://[!-;=?-~]{3,900}")


class _Policy(EmailPolicy):
    def fold(self, name: str, value: str) -> Any:
        return self._verbatim(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> Any:
        text = self._verbatim(name, value)
        return text.encode("ascii") if text else super().fold_binary(name, value)

    def _verbatim(self, name: str, value: str) -> str:
        return f"{name}: {value}{self.linesep}" if name.lower() in VERBATIM else ""


POLICY = _Policy(
    **{name: getattr(SMTP, name) for name in ("linesep", "max_line_length", "utf8", "raise_on_defect")}
)


def message_id(send_id: UUID, mailbox: Mailbox) -> str:
    """The Message-ID of an act, without angle brackets: the same in every attempt."""
    return f"{send_id.hex}@{mailbox.domain}"


def compose(act: Act, mailbox: Mailbox, *, at: datetime | None = None) -> EmailMessage:
    """The message of an act. ``act.post_id`` is the Message-ID it answers, ``act.link`` where its reader can say no.

    Raises :class:`Refused` when the address cannot stand in a header.
    """
    message = EmailMessage(policy=POLICY if act.handle.isascii() else POLICY.clone(utf8=True))
    try:
        message["From"] = _address(mailbox.address, wording.one_line(mailbox.name, 100))
        message["To"] = _address(act.handle)
    except (ValueError, IndexError) as error:
        raise Refused(
            f"This is no e-mail address that can be written to: {wording.one_line(str(error))}."
        ) from None
    message["Subject"] = wording.one_line(act.subject)
    message["Date"] = format_datetime(at or datetime.now(UTC))
    message["Message-ID"] = f"<{message_id(act.send_id, mailbox)}>"
    if _ID.fullmatch(act.post_id):
        message["In-Reply-To"] = message["References"] = f"<{act.post_id}>"
    link = act.link if _LINK.fullmatch(act.link) else ""
    if link:
        message["List-Unsubscribe"] = f"<{link}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(wording.plain(act.text, link), cte="quoted-printable")
    message.add_alternative(wording.as_html(act.text, link), subtype="html", cte="quoted-printable")
    return message


def _address(address: str, name: str = "") -> Address:
    if not _ADDRESS.fullmatch(address):
        raise ValueError("it should look like ann@example.org")
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)
