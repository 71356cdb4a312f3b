"""The driver for one mailbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from automation.channels.base import (
    AccountInfo,
    Act,
    Channel,
    Done,
    Finding,
    InboxPage,
    Labelling,
    Login,
    Page,
    PostMetrics,
    ProfileInfo,
    Proof,
    Refused,
    TryLater,
)
from automation.channels.email import CAPABILITIES, compose, incoming, provider, smtp
from automation.channels.email.imap import Imap
from automation.channels.email.mailbox import Mailbox, Server, mailbox_of
from automation.channels.email.smtp import Smtp
from outreach.lib import net

NETWORK = "email"
BUDGET_SECONDS = (
    smtp.UNTIL_DOT_SECONDS + smtp.AFTER_DOT_SECONDS
)  # a call to a server that answers to the last
PROVIDER_SECONDS = 9.0  # a provider's API answers at once


def connect(login: Login) -> Channel:
    """The driver for one mailbox; raises :class:`AuthFailed` where its settings cannot be right. Calls nothing yet."""
    return EmailChannel(mailbox_of(login))


class EmailChannel:
    """One mailbox. Mails go one by one: nobody can prove that one was not taken."""

    network = NETWORK
    capabilities = CAPABILITIES
    proves = False
    deadline = BUDGET_SECONDS + 1
    lag = 60.0  # until a message that was taken lies in Sent

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._smtp: Smtp | None = None

    def close(self) -> None:
        """Leave the mail server."""
        if self._smtp is not None:
            with net.deadline(2.0):
                self._smtp.close()
            self._smtp = None

    def verify(self) -> AccountInfo:
        """Sign in wherever the account sends and reads."""
        with net.deadline(BUDGET_SECONDS):
            if self._mailbox.smtp is not None:
                self._connected(self._mailbox.smtp)
            if self._mailbox.imap is not None:
                box = Imap(self._mailbox.imap)
                try:
                    box.check()
                finally:
                    box.close()
        return AccountInfo(self._mailbox.address, self._mailbox.address, self._mailbox.name)

    def message(self, act: Act) -> Done:
        """Send one mail; ``remote_id`` is its Message-ID, or what a provider calls it."""
        message = compose.compose(act, self._mailbox)
        if self._mailbox.smtp is None:
            with net.deadline(PROVIDER_SECONDS):
                return Done(provider.send(self._mailbox, message, act))
        with net.deadline(smtp.UNTIL_DOT_SECONDS):
            server = self._connected(self._mailbox.smtp)
            server.hand_over(self._mailbox.address, act.handle, message.as_bytes())
        server.finish()
        return Done(compose.message_id(act.send_id, self._mailbox))

    def inbox(self, since: str) -> InboxPage:
        """What came in after ``since``; an empty one begins with what comes from now on."""
        if self._mailbox.imap is None:
            return InboxPage((), since)
        with net.deadline(BUDGET_SECONDS):
            box = Imap(self._mailbox.imap)
            try:
                found, cursor, more = box.news(since)
                labels = None if more else box.labels()
            finally:
                box.close()
        return InboxPage(tuple(filter(None, map(incoming.read, found))), cursor, more, labels)

    def set_labels(self, wanted: Labelling) -> None:
        """Put labels on mails in the inbox, or take them away; what is so already stays so."""
        if self._mailbox.imap is None:
            raise Refused("Without its IMAP server nothing can be labelled in this mailbox.")
        with net.deadline(BUDGET_SECONDS):
            box = Imap(self._mailbox.imap)
            try:
                box.set_labels(wanted)
            finally:
                box.close()

    def reconcile(self, act: Act) -> Finding:
        """Presence in the mailbox proves that it was sent; nothing proves that it was not.

        Raises :class:`TryLater` while the mail server may still be filing it.
        """
        if self._mailbox.imap is None:
            return Finding(Proof.NONE)
        wanted = compose.message_id(act.send_id, self._mailbox)
        with net.deadline(BUDGET_SECONDS):
            box = Imap(self._mailbox.imap)
            try:
                known = box.knows(wanted)
            finally:
                box.close()
        if known:
            return Finding(Proof.PRESENT, Done(wanted))
        if act.started_at and datetime.now(UTC) < act.started_at + timedelta(
            seconds=self.deadline + self.lag
        ):
            raise TryLater("The mail is not among the sent ones yet.")
        return Finding(Proof.NONE)

    def _connected(self, server: Server) -> Smtp:
        """The open connection, or a new one where the server has closed it: nothing was sent on it."""
        if self._smtp is None or not self._smtp.alive():
            self._smtp = Smtp(server, self._mailbox.domain)
        return self._smtp

    # --- What e-mail does not have ---------------------------------------------------------------------------------

    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo:
        raise Refused("An e-mail address has no profile to read.")

    def search(self, query: str, cursor: str = "") -> Page:
        raise Refused("E-mail cannot be searched for people.")

    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page:
        raise Refused("An e-mail address has no followers.")

    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page:
        raise Refused("An e-mail address has no posts.")

    def publish(self, act: Act) -> Done:
        raise Refused("E-mail has no public posts.")

    def reply(self, act: Act) -> Done:
        raise Refused("E-mail has no public posts to reply to.")

    def follow(self, act: Act) -> Done:
        raise Refused("Nobody can be followed by e-mail.")

    def unfollow(self, act: Act) -> Done:
        raise Refused("Nobody can be followed by e-mail.")

    def like(self, act: Act) -> Done:
        raise Refused("Nothing can be liked by e-mail.")

    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]:
        raise Refused("E-mail counts no views.")
