"""From what happened on an SMTP connection to the five errors of a channel.

The rule: anything but Unknown promises that the message was not taken. So everything up to the final dot is an error
like any other, and what gets lost after it is Unknown.
"""

from __future__ import annotations

import smtplib
import ssl
from enum import Enum

import httpx

from automation.channels.base import AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.email import hints, replies
from automation.channels.email.mailbox import Server
from automation.channels.email.replies import Bounce
from automation.channels.hiding import hide
from outreach.lib.net import ForbiddenAddress, ProxyFailed

GREYLISTED = 300.0  # seconds; what most servers want to see pass before the second try
SLOWED = 900.0  # seconds to rest where a server says "too many" and not how long
DETAIL_LENGTH = 300


class Phase(Enum):
    """How far a delivery came."""

    CONNECT = "connecting"
    SIGN_IN = "signing in"
    SENDER = "naming the sender"
    RECIPIENT = "naming the recipient"
    CONTENT = "sending the text"
    AFTER_DOT = "waiting for the answer to the text"


# What smtplib, the sockets below it and our own checks raise.
EXPECTED = (
    smtplib.SMTPException,
    OSError,
    httpx.HTTPError,
    ForbiddenAddress,
    EOFError,
    UnicodeError,
    ValueError,
)


def of_failure(error: Exception, phase: Phase, server: Server) -> ChannelError:
    """The channel's error for an exception in ``phase``; the password is blotted out, should a server repeat it."""
    if isinstance(error, smtplib.SMTPResponseException):
        return of_reply(error.smtp_code, _said(error.smtp_error, server.password), phase)
    if phase is Phase.AFTER_DOT:
        return Unknown(f"The text was sent whole and no answer came ({type(error).__name__}).")
    if isinstance(error, ForbiddenAddress):
        return AuthFailed(f"The mail server's address cannot be used. {error}")
    if isinstance(error, ProxyFailed):
        return AuthFailed(str(error)) if error.denied else TryLater(str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return AuthFailed(f"The mail server's certificate is not trusted: {error.verify_message}.")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return AuthFailed(f"The mail server cannot do what the account asks for: {error}")
    if isinstance(error, smtplib.SMTPException) and "authentication method" in str(error):
        return AuthFailed("The mail server offers no way to sign in that is supported.")
    if isinstance(error, UnicodeError | ValueError):
        return Refused(f"This message cannot be put into mail ({type(error).__name__}).")
    hint = hints.of_connecting(error, server, "SMTP") if phase is Phase.CONNECT else ""
    return TryLater(f"The mail server was lost while {phase.value} ({type(error).__name__}). {hint}".strip())


def of_reply(code: int, text: str, phase: Phase) -> ChannelError:
    """The channel's error for a reply that is no consent."""
    said = f"The mail server said {code} {text}".strip()
    if not 400 <= code <= 599:  # no reply of SMTP at all
        garbled = f"The mail server's answer while {phase.value} cannot be understood."
        garbled += " Is this the port of its SMTP?" if phase is Phase.CONNECT else ""
        return Unknown(garbled) if phase is Phase.AFTER_DOT else TryLater(garbled)
    if phase is not Phase.SIGN_IN and replies.says_slow_down(text):
        wait = replies.seconds_asked(text) or (3600.0 if "dai" in text.lower() else SLOWED)
        return TryLater(said, retry_after=wait, rate_limited=True)
    if code < 500:
        return TryLater(said, retry_after=_wait(text, phase))
    if phase in (Phase.CONNECT, Phase.SIGN_IN) or code in (530, 534, 535, 538):
        return AuthFailed(said)
    if phase is Phase.SENDER and replies.enhanced(text) not in {(5, 3, 4), (5, 2, 3)} and code != 552:
        return AuthFailed(f"{said}. It does not let this account send as its address.")
    if phase is Phase.RECIPIENT and replies.is_about_sender(text):
        return AuthFailed(f"{said}. It does not let this account send.")
    if phase is Phase.RECIPIENT and replies.bounce_of("", text, code) is Bounce.HARD:
        return NotFound(said)
    return Refused(said)


def _wait(text: str, phase: Phase) -> float | None:
    asked = replies.seconds_asked(text)
    return asked or (GREYLISTED if phase in (Phase.RECIPIENT, Phase.CONTENT, Phase.AFTER_DOT) else None)


def _said(raw: bytes | str, password: str) -> str:
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    line = " ".join(text.split())
    return hide(line, password)[:DETAIL_LENGTH]
