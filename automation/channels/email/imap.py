"""One IMAP connection: what is new in the inbox, and whether a message of ours is known there."""

from __future__ import annotations

import contextlib
import imaplib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
from imap_tools import BaseMailBox, ImapToolsError
from imap_tools.errors import UnexpectedCommandStatusError

from automation.channels.base import AuthFailed, ChannelError, Labelling, TryLater
from automation.channels.email import hints, labels
from automation.channels.email.errors import DETAIL_LENGTH
from automation.channels.email.mailbox import Server
from automation.channels.hiding import hide
from outreach.lib import net, sockets
from outreach.lib.net import ForbiddenAddress, ProxyFailed

HELLO_SECONDS = 9.0  # connecting and signing in: a silent server is left by then
STEP_SECONDS = 10.0  # one read or write; the call's deadline limits the whole
MOST_BYTES = 400_000  # of one message; what follows is an attachment's
PAGE = 40  # messages a page
PAGE_SECONDS = 6.0  # after which a page ends with what it has
DAYS_BACK = 3  # read again when the server has numbered its messages anew
_ENDED = (
    ImapToolsError,
    imaplib.IMAP4.error,
    OSError,
    httpx.HTTPError,
    ForbiddenAddress,
    ValueError,
    EOFError,
)
_CREDENTIALS = re.compile(r"authenticat|login|password|credential|invalid|denied", re.IGNORECASE)
_PASSING = re.compile(
    r"UNAVAILABLE|INUSE|LIMIT|OVERQUOTA|SERVERBUG|too many|try again|temporar", re.IGNORECASE
)
_UID = re.compile(rb"\bUID (\d+)")
_RECEIVED = re.compile(rb'INTERNALDATE "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far an inbox has been read: its numbering, the last number, and the day of that reading."""

    validity: int
    uid: int
    day: date

    def __str__(self) -> str:
        return f"{self.validity}.{self.uid}.{self.day:%Y%m%d}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """``None`` where nothing has been read yet."""
        found = re.fullmatch(r"(\d+)\.(\d+)\.(\d{8})", text)
        if not found:
            return None
        return cls(
            int(found[1]), int(found[2]), datetime.strptime(found[3], "%Y%m%d").replace(tzinfo=UTC).date()
        )


@dataclass(frozen=True, slots=True)
class Raw:
    """One message as it lies in the mailbox, cut to ``MOST_BYTES``."""

    uid: int
    received_at: datetime
    content: bytes


class _MailBox(BaseMailBox):
    """imap-tools over our checked connections."""

    def __init__(self, server: Server) -> None:
        self.server = server
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        client = _client(self.server)
        try:
            self._begin_tls(client)
        except BaseException:
            with contextlib.suppress(OSError):  # a handshake that failed has closed it already
                client.shutdown()
            raise
        return client

    def _begin_tls(self, client: imaplib.IMAP4) -> None:
        if self.server.security != "starttls":
            return
        if "STARTTLS" not in client.capabilities:
            raise AuthFailed("The mailbox's server offers no STARTTLS, so the password would be readable.")
        client.starttls(ssl_context=sockets.Tls())


def _client(server: Server) -> imaplib.IMAP4:
    class Client(imaplib.IMAP4):
        def _create_socket(self, timeout: float | None) -> Any:
            found = sockets.connect(server.host, server.port, timeout=STEP_SECONDS, proxy=server.proxy)
            return sockets.Tls().wrap_socket(found, server.host) if server.security == "tls" else found

    return Client(server.host, server.port, STEP_SECONDS)


class Imap:
    """A signed-in connection; every method raises :class:`AuthFailed` or :class:`TryLater`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        with net.deadline(HELLO_SECONDS):
            with _told(server, greeted=False):
                self._box = _MailBox(server)
            try:
                with _told(server):
                    self._sign_in()
            except BaseException:
                self._box.client.shutdown()
                raise

    def _sign_in(self) -> None:
        plain = self._server.username.isascii() and self._server.password.isascii()
        login = self._box.login if plain else self._box.login_utf8
        try:
            login(self._server.username, self._server.password, initial_folder=None)
        except (ImapToolsError, imaplib.IMAP4.error) as error:
            if isinstance(error, imaplib.IMAP4.abort) or _PASSING.search(str(error)):
                raise
            raise AuthFailed(
                f"The mailbox refused user name or password: {_said(error, self._server)}"
            ) from None

    @property
    def client(self) -> imaplib.IMAP4:
        """The connection itself, for what is only done here and there."""
        return self._box.client

    def check(self) -> None:
        """Raise unless the inbox opens."""
        with _told(self._server):
            self._select("INBOX")

    def news(self, since: str) -> tuple[list[Raw], str, bool]:
        """Messages after ``since``, oldest first, the new cursor, and whether there are more.

        An empty ``since`` begins with what comes from now on. A mailbox numbered anew is read again from a few days
        before the last reading: who keeps messages by their Message-ID loses none and takes none twice.
        """
        with _told(self._server):
            validity, following = self._state()
            cursor, today = Cursor.parse(since), datetime.now(UTC).date()
            if cursor is None:
                return [], str(Cursor(validity, following - 1, today)), False
            if cursor.validity == validity:
                uids = [uid for uid in self._uids(f"UID {cursor.uid + 1}:*") if uid > cursor.uid]
            else:
                uids = self._uids(f"SINCE {_imap_date(cursor.day - timedelta(days=DAYS_BACK))}")
            found = self._fetch(uids[:PAGE])
            reached = (
                found[-1].uid if found else (cursor.uid if cursor.validity == validity else following - 1)
            )
            # Numbered anew, mails need not have their numbers in the order they came in.
            in_order = sorted(found, key=lambda one: (one.received_at, one.uid))
            return in_order, str(Cursor(validity, reached, today)), len(found) < len(uids)

    def knows(self, message_id: str) -> bool:
        """Whether the mailbox proves that a message went out: it lies in Sent, or somebody answers it."""
        with _told(self._server):
            for folder in self._own_folders():
                if self._select(folder) and self._uids(f'HEADER Message-ID "{message_id}"'):
                    return True
            self._select("INBOX")
            answers = f'OR HEADER In-Reply-To "{message_id}" HEADER References "{message_id}"'
            return bool(self._uids(answers))

    def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels of the inbox's latest messages, by Message-ID."""
        with _told(self._server):
            self._select("INBOX")
            return labels.read(
                self._box.client, self._uids(f"SINCE {_imap_date(labels.since_when().date())}")
            )

    def set_labels(self, wanted: Labelling) -> None:
        """Change the labels of messages in the inbox; those that are gone are left out."""
        with _told(self._server):
            self._box.folder.set("INBOX", readonly=False)
            ids = filter(labels.is_searchable, wanted.messages)
            found = [uid for one in ids for uid in self._uids(f'HEADER Message-ID "{one}"')]
            labels.write(self._box.client, found, wanted)

    def close(self) -> None:
        """Leave politely if there is anybody left to leave."""
        try:
            self._box.logout()
        except _ENDED:
            self._box.client.shutdown()

    # --- Below -----------------------------------------------------------------------------------------------------

    def _select(self, folder: str) -> bool:
        try:
            self._box.folder.set(folder, readonly=True)
        except ImapToolsError:
            if folder == "INBOX":
                raise
            return False
        return True

    def _state(self) -> tuple[int, int]:
        """Validity and next number of the inbox, asked before anything is read, so that nothing falls between."""
        self._select("INBOX")
        status = self._box.folder.status("INBOX", ("UIDVALIDITY", "UIDNEXT"))
        return int(status["UIDVALIDITY"]), int(status["UIDNEXT"])

    def _uids(self, criteria: str) -> list[int]:
        kind, found = self._box.client.uid("SEARCH", criteria)
        if kind != "OK":
            raise imaplib.IMAP4.error("SEARCH was refused")
        return sorted(int(uid) for uid in (found[0] or b"").split())

    def _fetch(self, uids: list[int]) -> list[Raw]:
        """These messages, as many as there is time for; at least one."""
        found: list[Raw] = []
        ends = time.monotonic() + PAGE_SECONDS
        for uid in uids:
            if found and time.monotonic() > ends:
                break
            kind, parts = self._box.client.uid(
                "FETCH", str(uid), f"(UID INTERNALDATE BODY.PEEK[]<0.{MOST_BYTES}>)"
            )
            if kind != "OK":
                raise imaplib.IMAP4.error("FETCH was refused")
            found.append(_raw(uid, parts))
        return found

    def _own_folders(self) -> Iterator[str]:
        """Where messages of ours lie: the folders the server marks as Sent or All, else those called so."""
        folders = self._box.folder.list()
        marked = [one.name for one in folders if {"\\Sent", "\\All"} & set(one.flags)]
        usual = [
            one.name for one in folders if re.search(r"(^|[./])sent( |$)|gesendet|envoy", one.name, re.I)
        ]
        yield from marked or usual


def _raw(uid: int, parts: Any) -> Raw:
    """One answer to FETCH; a message expunged in between is an empty one."""
    head, content = next((part for part in parts if isinstance(part, tuple)), (b"", b""))
    received = _RECEIVED.search(head)
    at = imaplib.Internaldate2tuple(b'INTERNALDATE "' + received[1] + b'"') if received else None
    return Raw(uid, datetime.fromtimestamp(time.mktime(at), UTC) if at else datetime.now(UTC), content)


def _imap_date(day: date) -> str:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{day.day:02d}-{months[day.month - 1]}-{day.year}"


@contextlib.contextmanager
def _told(server: Server, *, greeted: bool = True) -> Iterator[None]:
    try:
        yield
    except ChannelError:
        raise
    except _ENDED as error:
        found = _error(error, server)
        hint = "" if greeted or isinstance(found, AuthFailed) else hints.of_connecting(error, server, "IMAP")
        raise (TryLater(f"{found} {hint}") if hint else found) from None


def _error(error: Exception, server: Server) -> ChannelError:
    if isinstance(error, ForbiddenAddress):
        return AuthFailed(f"The mailbox's address cannot be used. {error}")
    if isinstance(error, ProxyFailed) and error.denied:
        return AuthFailed(str(error))
    if type(error).__name__ == "SSLCertVerificationError":
        return AuthFailed(f"The mailbox's certificate is not trusted: {_said(error, server)}")
    return TryLater(f"The mailbox cannot be read now ({type(error).__name__}): {_said(error, server)}")


def _said(error: Exception, server: Server) -> str:
    """The server's own words where the error holds them."""
    told = error.command_result[1] if isinstance(error, UnexpectedCommandStatusError) else [str(error)]
    words = (one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in told if one)
    text = " ".join(" ".join(words).split())
    return hide(text, server.password)[:DETAIL_LENGTH]
