"""A connection that waits for mail (RFC 2177), so that what arrives is read within seconds instead of at the next reading."""

from __future__ import annotations

import imaplib
import ssl
from typing import Any

from automation.channels.base import Login, TryLater
from automation.channels.email.imap import Imap
from automation.channels.email.mailbox import mailbox_of
from outreach.lib import net

OPEN_SECONDS = 15.0
RENEW_SECONDS = 20 * 60.0  # servers hang up after half an hour
NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError)


class CannotWait(Exception):
    """This mailbox cannot be waited for; reading it now and then has to do."""


class Idle:
    """One mailbox waited for. Readable by :mod:`selectors` when the server has said something."""

    def __init__(self, login: Login) -> None:
        """Sign in and begin to wait, within ``OPEN_SECONDS``; raises a channel's error or :class:`CannotWait`."""
        server = mailbox_of(login).imap
        if server is None:
            raise CannotWait("The account names no IMAP server.")
        with net.deadline(OPEN_SECONDS):
            self._imap = Imap(server)
            try:
                self._imap.check()
                self._begin(self._imap.client)
            except BaseException:
                self._imap.client.shutdown()
                raise

    def _begin(self, client: imaplib.IMAP4) -> None:
        _, found = client.capability()
        if b"IDLE" not in b" ".join(part for part in found if isinstance(part, bytes)).upper().split():
            raise CannotWait("The server does not offer IDLE.")
        try:
            client.send(b"%s IDLE\r\n" % client._new_tag())
            answer = client.readline()
        except (OSError, imaplib.IMAP4.error) as error:
            raise TryLater(f"The mailbox cannot be waited for now ({type(error).__name__}).") from None
        if not answer.startswith(b"+"):
            raise CannotWait("The server refused IDLE.")
        connection: Any = client.sock  # one of ours, see outreach.lib.sockets
        self._socket = connection.inner
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return int(self._socket.fileno())

    def heard(self) -> bool:
        """Whether mail has arrived since the last call; raises :class:`TryLater` once the connection is gone."""
        data = b""
        try:
            while piece := self._socket.recv(65_536):
                data += piece
            raise TryLater("The mailbox hung up.")
        except NOTHING_YET:
            return b"EXISTS" in data or b"RECENT" in data
        except OSError as error:
            raise TryLater(f"The mailbox was lost ({type(error).__name__}).") from None

    def close(self) -> None:
        """Hang up; nothing is lost by it."""
        self._imap.client.shutdown()
