"""One SMTP connection: signed in once, then any number of messages, each step told from the next.

What decides whether a message may have been taken is the final dot, so it is sent by itself, last.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from automation.channels.email import errors
from automation.channels.email.errors import Phase
from automation.channels.email.mailbox import Server
from outreach.lib import sockets

PHASE_SECONDS = 15.0  # one read or write; the call's deadline limits the whole
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")


class _Client(smtplib.SMTP):
    """smtplib over our checked connections."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__(local_hostname=name, timeout=PHASE_SECONDS)
        self._server = server
        self._host = server.host  # whose certificate it must be

    def _get_socket(self, host: str, port: int, timeout: float) -> sockets.Connection:
        found = sockets.connect(host, port, timeout=timeout, proxy=self._server.proxy)
        return sockets.Tls().wrap_socket(found, host) if self._server.security == "tls" else found


class Smtp:
    """A signed-in connection. Every method raises a channel's error; what it promises is in :mod:`.errors`."""

    def __init__(self, server: Server, name: str) -> None:
        """Connect and sign in; ``name`` is how we introduce ourselves."""
        self._server = server
        self._client = _Client(server, name)
        self._phase = Phase.CONNECT
        try:
            self._sign_in()
        except BaseException:
            self._client.close()
            raise

    def _sign_in(self) -> None:
        with self._told(Phase.CONNECT):
            self._agreed(self._client.connect(self._server.host, self._server.port), 220)
            self._client.ehlo_or_helo_if_needed()
        with self._told(Phase.SIGN_IN):
            if self._server.security == "starttls":
                reply = self._client.starttls(context=sockets.Tls())  # type: ignore[call-overload]
                self._agreed(reply, 220)
                self._client.ehlo_or_helo_if_needed()
            self._client.login(self._server.username, self._server.password)

    def alive(self) -> bool:
        """Whether it still answers; a server closes connections that rest."""
        try:
            return self._client.rset()[0] == 250
        except errors.EXPECTED:
            return False

    def deliver(self, sender: str, recipient: str, content: bytes) -> None:
        """Hand one message over; returns once the server has taken it."""
        with self._told(Phase.SENDER):
            options = self._options(sender, recipient, content)
            self._agreed(self._client.mail(sender, options), 250)
        with self._told(Phase.RECIPIENT):
            self._agreed(self._client.rcpt(recipient), 250, 251)
        with self._told(Phase.CONTENT):
            self._agreed(self._client.docmd("DATA"), 354)
            self._client.send(_LEADING_DOT.sub(b"..", _LINE_END.sub(b"\r\n", content)))
            ending = b".\r\n" if content.endswith(b"\n") else b"\r\n.\r\n"
        with self._told(Phase.AFTER_DOT):
            self._client.send(ending)
            self._agreed(self._client.getreply(), 250)

    def _options(self, sender: str, recipient: str, content: bytes) -> list[str]:
        options = [f"size={len(content)}"] if self._client.has_extn("size") else []
        if not (sender + recipient).isascii():
            if not self._client.has_extn("smtputf8"):
                raise ValueError("The mail server takes addresses in ASCII only.")
            options += ["SMTPUTF8", "BODY=8BITMIME"]
            self._client.command_encoding = "utf-8"
        return options

    @contextmanager
    def _told(self, phase: Phase) -> Iterator[None]:
        try:
            yield
        except errors.EXPECTED as error:
            if not isinstance(error, smtplib.SMTPResponseException):
                self._client.close()
            raise errors.of_failure(error, phase, self._server.password) from None

    @staticmethod
    def _agreed(reply: tuple[int, bytes], *expected: int) -> None:
        if reply[0] not in expected:
            raise smtplib.SMTPResponseException(*reply)

    def close(self) -> None:
        """Leave politely if there is anybody left to leave."""
        try:
            self._client.quit()
        except errors.EXPECTED:
            self._client.close()
