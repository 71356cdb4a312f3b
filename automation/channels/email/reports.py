"""Reports of mail systems: what became of a mail (RFC 3464), and complaints (RFC 5965). Many are written by hand."""

from __future__ import annotations

import re
from email.message import Message

from automation.channels.base import Notice
from automation.channels.email import parts, replies
from automation.channels.email.replies import Bounce

COMPLAINT = "complaint"
DELAYED = "delayed"
# With their forms for addresses beyond ASCII (RFC 6533).
STATUSES = ("message/delivery-status", "message/global-delivery-status")
MAILS = ("message/rfc822", "message/global")
HEADS = ("text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "opt-out", "opt-out-list", "other", ""})
_SENDER = re.compile(r"(mailer-daemon|postmaster|mail-?delivery|bounce[sd]?)([+=-][^@]*)?@", re.IGNORECASE)
_SUBJECT = re.compile(
    r"undeliver|delivery (status notification|failure|has failed)|mail delivery (failed|system)|failure notice|returned mail|"
    r"returned to sender|delivery (delayed|incomplete)|unzustellbar|nicht zustellbar|non remis|no se ha podido entregar",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"delayed|will (be retried|retry|keep trying|continue to (try|be made))|still trying|not yet been delivered|warning:",
    re.I,
)
MOST_FIELDS = 20_000  # characters
_ADDRESS = re.compile(r"[A-Za-z0-9._%+=\-]{1,64}@[A-Za-z0-9.\-]{1,190}\.[A-Za-z]{2,24}")
_OUR_ID = re.compile(r"\b[0-9a-f]{32}@[A-Za-z0-9.\-]{1,200}")


def notice_of(mail: Message) -> Notice | None:
    """What a mail reports of one of ours; ``None`` when it is no report, or reports that all is well."""
    kind = parts.header(mail, "Content-Type").lower()
    if "multipart/report" in kind and "feedback-report" in kind:
        return _complaint(mail)
    if "multipart/report" in kind:
        found = _delivery_status(mail)
        if found or any(part.get_content_type() in STATUSES for part in parts.walk(mail)):
            return found
    return _by_hand(mail)


def reported_ids(mail: Message) -> list[str]:
    """Message ids of the mail a report is about, from what it encloses or quotes."""
    found: list[str] = []
    for part in parts.walk(mail):
        if part.get_content_type() in MAILS + HEADS:
            payload = part.get_payload()
            if isinstance(payload, list) and payload and isinstance(payload[0], Message):
                found += parts.ids(payload[0], "Message-ID")
            else:
                found += _OUR_ID.findall(parts.content_of(part))
        elif part.get_content_type() == "text/plain":
            found += _OUR_ID.findall(parts.content_of(part))
    return list(dict.fromkeys(found))


def _delivery_status(mail: Message) -> Notice | None:
    """The fate, if no success, of the one the mail was written to; else of the first recipient that has one.

    A server may send copies elsewhere, into an archive say, and reports of these come in the same mail.
    """
    fates = [
        _fate(block, action)
        for part in parts.walk(mail)
        if part.get_content_type() in STATUSES
        for block in _fields(part)
        if (action := parts.header(block, "Action").lower()) in ("failed", "delayed")
    ]
    written_to = _written_to(mail)
    return next((one for one in fates if one.address in written_to), fates[0] if fates else None)


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _fields(part: Message) -> list[Message]:
    """The groups of fields of a report: first the report's own, then each recipient's."""
    if part.get_content_type() == "message/delivery-status":
        return _blocks(part)
    groups = re.split(r"\n[ \t]*\n", _raw_text(part).replace("\r\n", "\n")[:MOST_FIELDS])
    return [parts.parse(group.strip().encode("utf-8", "surrogateescape")) for group in groups]


def _written_to(mail: Message) -> set[str]:
    """Whom the enclosed mail, or its enclosed head, names as its recipients, in small letters."""
    found: list[Message] = []
    for part in parts.walk(mail):
        if part.get_content_type() in MAILS:
            found += _blocks(part)
        elif part.get_content_type() in HEADS:
            found.append(parts.parse(parts.content_of(part).encode("utf-8", "replace")))
    return {address.lower() for one in found for _, address in parts.addresses(parts.header(one, "To"))}


def _fate(block: Message, action: str) -> Notice:
    words = parts.header(block, "Diagnostic-Code")
    status = parts.header(block, "Status", 20)
    recipient = parts.header(block, "Original-Recipient") or parts.header(block, "Final-Recipient")
    found = _ADDRESS.search(recipient)
    said = re.search(r"\b([45]\d\d)[ -]", words)
    code = int(said[1]) if said else 0
    kind = str(replies.bounce_of(status, words, code))
    if action == "delayed":
        kind = DELAYED
    elif status.startswith("4.") and code < 500 and not replies.says_why(words):
        kind = str(
            Bounce.EXPIRED
        )  # what passes was final: it was tried for as long as it may be (RFC 3464, 2.3.4)
    return Notice(kind, found[0].lower() if found else "", status, words[:300])


def _complaint(mail: Message) -> Notice | None:
    for part in parts.walk(mail):
        if part.get_content_type() != "message/feedback-report":
            continue
        text = _raw_text(part)
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+):[ \t]*(.{0,300}?)\s*$", text[:20_000]))
        kind = fields.get("Feedback-Type", "").lower()
        if kind not in _COMPLAINTS:
            return None
        found = _ADDRESS.search(fields.get("Original-Rcpt-To", ""))
        return Notice(
            COMPLAINT, found[0].lower() if found else "", "", f"Feedback type {kind or 'not named'}"
        )
    return None


def _raw_text(part: Message) -> str:
    """A report's fields as text: the parser takes some message/ parts for mails of their own."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return "".join(block.as_string() for block in payload if isinstance(block, Message))
    return parts.content_of(part)


def _by_hand(mail: Message) -> Notice | None:
    """A report without the standard's parts, from a mail system by its sender and its subject."""
    sender = parts.header(mail, "From")
    subject = parts.header(mail, "Subject")
    failed = parts.header(mail, "X-Failed-Recipients")
    empty_path = parts.header(mail, "Return-Path") == "<>"
    if not failed and not (_SUBJECT.search(subject) and (_SENDER.search(sender) or empty_path)):
        return None
    text = parts.text_of(mail)
    known = replies.enhanced(text)
    address = _ADDRESS.search(failed) or _ADDRESS.search(text)
    status = ".".join(map(str, known)) if known else ""
    kind = (
        DELAYED
        if _DELAY.search(f"{subject} {text[:2000]}") and not failed
        else str(replies.bounce_of(status, text[:5_000]))
    )
    return Notice(kind, address[0].lower() if address else "", status, " ".join(text.split())[:300])
