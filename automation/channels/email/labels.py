"""Labels of mails as mailboxes keep them: IMAP keywords, and at Gmail its own labels.

A keyword is a word without spaces and with few signs; a label that is not one is written so that we, and people in their mail
programs, still know it. What mail programs put there for themselves is none of ours and stays untouched.
"""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from imap_tools import imap_utf7

from automation.channels.base import Labelling, Refused

DAYS = 60  # how far back labels are looked at
MOST = 300  # messages whose labels are looked at, the latest ones
LONGEST = 64
GMAIL = "X-GM-EXT-1"
_NO_ATOM = re.compile(r"[^!#$&'+,./0-9:;<=>?@A-Z^_`a-z|~-]")  # RFC 3501, flag-keyword
_PROGRAMS = frozenset({"junk", "nonjunk", "notjunk", "forwarded", "mdnsent", "submitted", "submitpending"})
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_GMAIL_LABELS = re.compile(rb'\bX-GM-LABELS \(((?:"(?:[^"\\]|\\.)*"|[^)"])*)\)')
_WORDS = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^\s"]+)')
_ID = re.compile(rb"(?i)message-id:\s*<([^>\s]+)>")
_SAFE_ID = re.compile(r"[!#-;=?-\[\]-~]{3,900}")  # what can stand in quotes in a command


def keyword_of(name: str) -> str:
    """A label as an IMAP keyword: ``Hot lead`` is ``Hot_lead``; empty for one of which nothing would be left."""
    return _NO_ATOM.sub("", "_".join(name.split())).strip("_")


def read(client: imaplib.IMAP4, since: Sequence[int]) -> dict[str, tuple[str, ...]]:
    """The labels of these messages (uids) of the open folder, by Message-ID; a message without any is there too."""
    if not since:
        return {}
    gmail = is_gmail(client)
    what = "X-GM-LABELS" if gmail else "FLAGS"
    chosen = ",".join(map(str, since[-MOST:]))
    kind, parts = client.uid("FETCH", chosen, f"({what} BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
    if kind != "OK":
        raise imaplib.IMAP4.error("FETCH was refused")
    return dict(_told(parts, gmail=gmail))


def is_gmail(client: imaplib.IMAP4) -> bool:
    """Whether the server has labels of its own."""
    kind, told = client.capability()
    return kind == "OK" and GMAIL in (told[0] or b"").decode("ascii", "replace").upper().split()


def since_when() -> datetime:
    """From which day on labels are looked at."""
    return datetime.now(UTC) - timedelta(days=DAYS)


def _told(parts: Sequence[object], *, gmail: bool) -> Iterable[tuple[str, tuple[str, ...]]]:
    for place, part in enumerate(parts):
        if not isinstance(part, tuple):
            continue
        after = (
            parts[place + 1] if place + 1 < len(parts) else b""
        )  # servers may name the flags behind the header
        around = part[0] + b" " + (after if isinstance(after, bytes) else b"")
        found = _ID.search(part[1])
        if found:
            labels = _gmail_labels(around) if gmail else _keywords(around)
            yield found[1].decode("utf-8", "replace"), labels


def _keywords(line: bytes) -> tuple[str, ...]:
    found = _FLAGS.search(line)
    words = found[1].decode("ascii", "replace").split() if found else []
    return _labels(word.replace("_", " ").strip() for word in words if not _is_a_programs(word))


def _is_a_programs(word: str) -> bool:
    return word.startswith(("\\", "$")) or word.casefold() in _PROGRAMS


def _gmail_labels(line: bytes) -> tuple[str, ...]:
    """Gmail's are in modified UTF-7; those with a backslash are its own folders."""
    found = _GMAIL_LABELS.search(line)
    words = [quoted or plain for quoted, plain in _WORDS.findall(found[1])] if found else []
    plain = (re.sub(rb"\\(.)", rb"\1", word) for word in words)
    return _labels(imap_utf7.utf7_decode(word) for word in plain if not word.startswith(b"\\"))


def _labels(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name[:LONGEST] for name in names if name}))


def write(client: imaplib.IMAP4, uids: Sequence[int], wanted: Labelling) -> None:
    """Put and take labels on these messages of the folder that is open for writing; :class:`Refused` where it keeps none."""
    gmail = is_gmail(client)
    flags = client.untagged_responses.get("PERMANENTFLAGS", [])
    if not gmail and rb"\*" not in b" ".join(line for line in flags if isinstance(line, bytes)):
        raise Refused("This mail server keeps no labels of its users.")
    for sign, names in (("+", wanted.add), ("-", wanted.remove)):
        written = [_quoted(name) if gmail else keyword_of(name) for name in names]
        words = " ".join(word for word in written if word)
        if words and uids:
            item = f"{sign}{'X-GM-LABELS' if gmail else 'FLAGS'}.SILENT"
            kind, _ = client.uid("STORE", ",".join(map(str, uids)), item, f"({words})")
            if kind != "OK":
                raise imaplib.IMAP4.error("STORE was refused")


def _quoted(name: str) -> str:
    plain = imap_utf7.utf7_encode(name).decode("ascii")
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_searchable(message_id: str) -> bool:
    """Whether a Message-ID can stand in a command."""
    return bool(_SAFE_ID.fullmatch(message_id))
