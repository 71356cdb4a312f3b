"""What a mail system's words mean: of its SMTP replies and of its reports.

Sources: RFC 5321 (reply codes), RFC 3463 (enhanced codes), and what large providers say instead.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Bounce(StrEnum):
    """Why a message did not arrive."""

    HARD = "hard"  # the address is bad, for good
    SOFT = "soft"  # the mailbox is full or the like: it may take mail again
    BLOCKED = "blocked"  # policy: content, reputation, rights
    EXPIRED = "expired"  # given up after trying for days


ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_UNKNOWN_USER = re.compile(
    r"user (is )?unknown|unknown (user|recipient|address|mailbox)|no such (user|recipient|mailbox|address|person)|"
    r"(user|recipient|mailbox|account|address|alias) (\S+ )?(does ?n.t exist|does not exist|not found|is (disabled|inactive))|"
    r"invalid (recipient|mailbox|address)|no mailbox|recipient (address )?rejected: user|not our customer|"
    r"unrouteable address|domain (name )?not found|nxdomain",
    re.IGNORECASE,
)
# Said of whoever sends. Postfix says it only once the recipient is named (smtpd_delay_reject), so it looks like a refused one.
_SENDER = re.compile(
    r"sender address rejected|client host (rejected|\[\S+\] blocked)|helo command rejected|relay(ing)? (access )?denied|"
    r"not owned by user|authentication (is )?required|must (be authenticated|authenticate)",
    re.IGNORECASE,
)
_RECIPIENT = re.compile(r"recipient (address )?rejected", re.IGNORECASE)
_SENDER_DETAILS = {(1, 7), (1, 8)}
_FULL = re.compile(
    r"(mailbox|quota|over ?quota|inbox).{0,30}(full|exceed)|over ?quota|quota exceeded|insufficient.{0,20}storage",
    re.I,
)
_POLICY = re.compile(
    r"spam|block(ed|list)|blacklist|policy|reputation|denied|not (permitted|allowed|authori[sz]ed)|relay|dmarc|spf|dkim|"
    r"unsolicited|banned|junk|virus|content rejected",
    re.IGNORECASE,
)
_SLOW_DOWN = re.compile(
    r"too (many|much mail)|rate.?limit|throttl|slow down|limit (reached|exceeded)|exceeded.{0,40}(limit|rate|quota)|"
    r"(sending|daily|hourly|message).{0,20}(limit|quota)",
    re.IGNORECASE,
)
_WAIT = re.compile(r"(\d{1,5})\s*(s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?)\b", re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "h": 3600}
HARD_DETAILS = {(1, 1), (1, 2), (1, 3), (1, 4), (1, 6), (1, 9), (1, 10), (2, 1), (4, 1), (4, 4)}


def enhanced(text: str) -> tuple[int, int, int] | None:
    """The first enhanced status code in a text, e.g. (5, 1, 1)."""
    found = ENHANCED.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def is_about_sender(text: str) -> bool:
    """Whether a refusal is about who sends and from where: the same would be said of every recipient."""
    known = enhanced(text)
    if _RECIPIENT.search(text):  # what other servers said of us may stand behind it
        return False
    return bool(_SENDER.search(text)) or (known is not None and known[1:] in _SENDER_DETAILS)


def bounce_of(status: str, text: str, code: int = 0) -> Bounce:
    """Why a refused message did not arrive. ``status`` is the enhanced code, ``code`` the SMTP reply's, where known."""
    known = enhanced(status) or enhanced(text)
    if is_about_sender(text):
        return Bounce.BLOCKED
    if _UNKNOWN_USER.search(text):
        return Bounce.HARD
    if _FULL.search(text):
        return Bounce.SOFT
    if known:
        return _by_status(*known)
    if _POLICY.search(text):
        return Bounce.BLOCKED
    if code == 552 or (code and code < 500):
        return Bounce.SOFT
    return Bounce.BLOCKED if code in (554, 571) else Bounce.HARD


def _by_status(kind: int, subject: int, detail: int) -> Bounce:
    if (subject, detail) == (4, 7):
        return Bounce.EXPIRED
    if kind == 5 and (subject, detail) in HARD_DETAILS:
        return Bounce.HARD
    if subject == 7 or (subject, detail) in _SENDER_DETAILS | {(2, 3), (3, 4)} or subject == 6:
        return Bounce.BLOCKED
    return Bounce.SOFT


def says_why(text: str) -> bool:
    """Whether words alone tell that an address is bad or its mailbox full, whatever code stands beside them."""
    return bool(_UNKNOWN_USER.search(text) or _FULL.search(text)) and not is_about_sender(text)


def says_slow_down(text: str) -> bool:
    """Whether a refusal is about how much we send."""
    return bool(_SLOW_DOWN.search(text)) and not _FULL.search(text)


def seconds_asked(text: str) -> float | None:
    """How long a reply asks to wait, in seconds, if it says."""
    found = _WAIT.search(text)
    return float(int(found[1]) * _UNITS[found[2][0].lower()]) if found else None
