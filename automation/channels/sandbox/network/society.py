"""The one place where things happen: an act is checked, journalled, takes effect, and people think about
it.
"""

from __future__ import annotations

import time
from typing import Any

from automation.channels.sandbox.network.behaviour import Behaviour, Reaction
from automation.channels.sandbox.network.journal import Journal
from automation.channels.sandbox.network.options import ServerOptions, WorldOptions
from automation.channels.sandbox.network.state import Event, Member, Post
from automation.channels.sandbox.network.world import generate, secret_of

MAX_TEXT = 5_000
PREFIXES = {"post": "p", "reply": "p", "dm": "m", "follow": "f", "unfollow": "n", "like": "l", "opt_out": "m"}


class Rejected(Exception):
    """The network does not take this act; ``status`` is the HTTP status it answers with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Society:
    """The living network: state, journal and behaviour together."""

    def __init__(self, world: WorldOptions, server: ServerOptions) -> None:
        self.world = world
        self.base = ""  # the address it is reached at, set once it listens
        self.idempotency_keys = False
        self.journal = Journal(server.data, world)
        self.state = generate(world)
        self.behaviour = Behaviour(self.state, world.seed, server.reply_delay)
        for event in self.journal.replay():
            self.state.apply(event)
            self.behaviour.notice(event)
        self.behaviour.drop_done()
        self._by_token: dict[str, str] = {}
        for account in self.state.accounts():
            self._by_token[self.token(account)] = account.id

    # --- Who is asking ----------------------------------------------------------------------------------
    def token(self, account: Member) -> str:
        """The account's access token of today."""
        return "sbx-" + secret_of(self.world.seed, account.id, "token", account.generation)

    def refresh_token(self, account: Member) -> str:
        """What renews the access token; never changes."""
        return "sbr-" + secret_of(self.world.seed, account.id, "refresh")

    def password(self, account: Member) -> str:
        """The password of the account's login form."""
        return secret_of(self.world.seed, account.id, "password")[:16]

    def holder(self, token: str) -> Member | None:
        """The account a valid access token belongs to."""
        member = self.state.members.get(self._by_token.get(token, ""))
        return None if member is None or member.expired else member

    def refresh(self, refresh_token: str) -> str:
        """A new access token for a refresh token; the old one ends."""
        for account in self.state.accounts():
            if self.refresh_token(account) == refresh_token:
                self._by_token.pop(self.token(account), None)
                self.record("refresh", account.id)
                self._by_token[self.token(account)] = account.id
                return self.token(account)
        raise Rejected(401, "This refresh token is not valid.")

    # --- Acting -----------------------------------------------------------------------------------------
    def act(self, account: Member, kind: str, target: str, given: dict[str, Any]) -> Event:
        """Take one act of an account and return it; :class:`Rejected` when the network does not take it.

        Effects: one journal line, the act in the ledger, its effect on the network, people's reactions
        planned.
        """
        send_id = _text(given, "send_id", 200)
        if self.idempotency_keys and send_id:
            for earlier in self.state.by_send_id.get((account.id, send_id), []):
                return earlier
        fields = self._checked(account, kind, target, given)
        return self.record(kind, account.id, send_id=send_id, **fields)

    def record(self, what: str, by: str, **fields: Any) -> Event:
        """Journal one event and let it take effect; the only way anything changes."""
        event = self.journal.next_event(what, by, **fields)
        if what in PREFIXES:
            event.result = f"{PREFIXES[what]}{event.seq}"
        self.journal.append(event)
        self.state.apply(event)
        self.behaviour.notice(event)
        return event

    def _checked(self, account: Member, kind: str, target: str, given: dict[str, Any]) -> dict[str, Any]:
        if kind == "post":
            return {"text": _text(given, "text", needed=True), "link": _text(given, "link", 2_000)}
        if kind in ("reply", "like"):
            post = self.post(target)
            if post.author == account.id and kind == "like":
                raise Rejected(422, "You cannot like your own post.")
            fields = {"target": post.id, "person": post.author}
            return fields if kind == "like" else fields | {"text": _text(given, "text", needed=True)}
        member = self.profile(target)
        if member.id == account.id:
            raise Rejected(422, "You cannot do that to yourself.")
        fields = {"target": member.id, "person": member.id}
        if kind != "dm":
            return fields
        if member.truth and member.truth.temper == "closed":
            raise Rejected(403, "This person takes no messages from strangers.")
        return fields | {"text": _text(given, "text", needed=True)}

    def profile(self, key: str) -> Member:
        """Somebody by id or handle; :class:`Rejected` with 404 for nobody."""
        member = self.state.member(key)
        if member is None:
            raise Rejected(404, "There is no such profile.")
        return member

    def post(self, key: str) -> Post:
        """A post that is still there; :class:`Rejected` with 404 otherwise."""
        post = self.state.posts.get(key)
        if post is None or post.gone:
            raise Rejected(404, "There is no such post.")
        return post

    def read_inbox(self, account: Member, start: int, limit: int) -> list[Event]:
        """Messages from the ``start``-th on. Effect: a no handed out for the first time is journalled as
        read.
        """
        found = account.inbox[start : start + limit]
        for event in found:
            if event.what == "opt_out" and (account.id, event.by) not in self.state.opt_outs_read:
                self.record("opt_out_read", account.id, person=event.by)
        return found

    # --- Living -----------------------------------------------------------------------------------------
    def live(self, *, at_once: bool = False) -> int:
        """Carry out the reactions that are due (``at_once``: all that wait); returns how many."""
        due = self.behaviour.take_due(None if at_once else time.time_ns() // 1000)
        for number, reaction in enumerate(due):
            try:
                self._react(reaction)
            except OSError:
                for waiting in due[number:]:
                    self.behaviour.put_back(waiting)
                raise
        return len(due)

    def _react(self, reaction: Reaction) -> None:
        fields: dict[str, Any] = {"target": reaction.target, "cause": reaction.cause, "text": reaction.text}
        if reaction.what == "dm":
            fields["automatic"] = reaction.automatic
        elif reaction.what in ("reply", "like") and self.state.posts[reaction.target].gone:
            return
        self.record(reaction.what, reaction.by, **fields)


def _text(given: dict[str, Any], name: str, longest: int = MAX_TEXT, *, needed: bool = False) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise Rejected(422, f"{name} must be a text of at most {longest} characters.")
    if needed and not value.strip():
        raise Rejected(422, f"{name} must not be empty.")
    return value
