"""One SMTP connection: signed in once, then any number of messages, each step told from the next.

What decides whether a message may have been taken is the final dot, so it is sent by itself, last.

How long a server is waited for differs before it and after it (RFC 5321, 4.5.3.2). Before, a silent server is left within
:data:`UNTIL_DOT_SECONDS`, from the first packet to the last byte of the text: nothing was taken, so nothing is lost by
trying again. After it the server may be looking through the mail, for which the RFC grants ten minutes; leaving early makes
an unclear act of a mail that was taken. So its answer has :data:`AFTER_DOT_SECONDS` of its own.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from automation.channels.email import errors
from automation.channels.email.errors import Phase
from automation.channels.email.mailbox import Server
from outreach.lib import net, sockets

UNTIL_DOT_SECONDS = 9.0  # connecting, signing in and handing one message over
AFTER_DOT_SECONDS = 15.0  # for the answer that says whether it was taken
# Servers count what they refuse in a connection and answer ever slower, Postfix by a second a command from ten on.
MOST_REFUSALS = 5
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")


class _Client(smtplib.SMTP):
    """smtplib over our checked connections."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__(local_hostname=name, timeout=AFTER_DOT_SECONDS)
        self._server = server
        self._host = server.host  # whose certificate it must be

    def _get_socket(self, host: str, port: int, timeout: float) -> sockets.Connection:
        found = sockets.connect(host, port, timeout=timeout, proxy=self._server.proxy)
        return sockets.Tls().wrap_socket(found, host) if self._server.security == "tls" else found


class Smtp:
    """A signed-in connection. Every method raises a channel's error; what it promises is in :mod:`.errors`."""

    def __init__(self, server: Server, name: str) -> None:
        """Connect and sign in within ``UNTIL_DOT_SECONDS``; ``name`` is how we introduce ourselves."""
        self._server = server
        self._client = _Client(server, name)
        self._refusals = 0
        try:
            with net.deadline(UNTIL_DOT_SECONDS):
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
        """Whether it still answers and serves us well; a server closes connections that rest. One that is not is left."""
        alive = self._refusals < MOST_REFUSALS and self._answers()
        if not alive:
            self.close()
        return alive

    def _answers(self) -> bool:
        try:
            return self._client.rset()[0] == 250
        except errors.EXPECTED:
            return False

    def hand_over(self, sender: str, recipient: str, content: bytes) -> None:
        """One message, all but the final dot: the server has not taken it yet."""
        with self._told(Phase.SENDER):
            options = self._options(sender, recipient, content)
            self._agreed(self._client.mail(sender, options), 250)
        with self._told(Phase.RECIPIENT):
            self._agreed(self._client.rcpt(recipient), 250, 251)
        with self._told(Phase.CONTENT):
            self._agreed(self._client.docmd("DATA"), 354)
            self._client.send(_LEADING_DOT.sub(b"..", _LINE_END.sub(b"\r\n", content)))
            if not content.endswith((b"\r", b"\n")):
                self._client.send(b"\r\n")

    def finish(self) -> None:
        """The final dot of the message handed over; returns once the server has taken it."""
        with self._told(Phase.AFTER_DOT), net.deadline(AFTER_DOT_SECONDS):
            self._client.send(b".\r\n")
            self._agreed(self._client.getreply(), 250)
        self._refusals = 0  # servers begin to count anew as well

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
            if isinstance(error, smtplib.SMTPResponseException):
                self._refusals += 1
            else:
                self._client.close()
            raise errors.of_failure(error, phase, self._server) from None

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
