"""A running Mastodon-compatible server as the demo's network: one account per token, judged by what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from automation.channels.demo import DemoAccount, Options, Plan, SeenAct
from automation.channels.mastodon import audit
from automation.channels.mastodon.audit import Seen, SeenStatus

OFFLINE = False
LIMITS = {"follow": 20, "dm": 10, "post": 10}
POSTS = (
    "What we learned this week, in one line: write less, ask more.",
    "A small question for a Sunday: what made you stay curious?",
    "We are collecting first programs. What did yours do?",
    "Tools we would not give away again, part one.",
)


class MastodonDemo:
    """What stood there before the demo began is remembered, so that only its own acts are counted."""

    def __init__(self, options: Options) -> None:
        self._server, self._tokens = options.url.rstrip("/"), options.tokens
        self._before = {token: audit.look(self._server, token) for token in self._tokens}

    def accounts(self) -> Sequence[DemoAccount]:
        return [
            DemoAccount(handle=seen.handle, server=self._server, secret={"token": token}, limits=LIMITS)
            for token, seen in self._before.items()
        ]

    def plan(self) -> Plan:
        handles = [seen.handle for seen in self._before.values()]
        related = [("related", handle) for handle in handles]
        return Plan(
            sources=(
                *related,
                *(("commenters", handle) for handle in handles),
                *(("search", letter) for letter in "aeo"),
            ),
            keywords=(),
            texts=(
                "Hello {first_name}, we liked what you write here. May we ask you one question about it?",
            ),
            posts=POSTS[: max(2, len(handles))],
            answer="Thank you! We will be in touch.",
        )

    def start_trouble(self) -> None:
        """A server that is not ours is left in peace."""

    def calm(self) -> None:
        """Nothing was stirred up."""

    def acts(self) -> Sequence[SeenAct]:
        found: list[SeenAct] = []
        for token, before in self._before.items():
            found += _acts(audit.look(self._server, token), before)
        return found

    def opted_out(self) -> dict[str, datetime]:
        return {}

    def close(self) -> None:
        """Nothing of ours runs there."""


def _acts(now: Seen, before: Seen) -> list[SeenAct]:
    """What one account did, as its server shows it; likes and follows carry no time there, so they count as of now."""
    at = datetime.now(UTC)
    old_statuses = {status.remote_id for status in before.statuses}
    old_follows = {followed.remote_id for followed in before.following}
    acts = [
        SeenAct(
            at=status.created_at or at, account=now.handle, kind=_kind(status),
            target=status.mentions[0] if status.mentions else "", text=status.text, remote_id=status.remote_id,
            before=status.remote_id in old_statuses,
        )
        for status in now.statuses
    ]  # fmt: skip
    acts += [
        SeenAct(at=at, account=now.handle, kind="follow", target=f.handle, before=f.remote_id in old_follows)
        for f in now.following
    ]
    return acts


def _kind(status: SeenStatus) -> str:
    if status.is_message:
        return "dm"
    return "reply" if status.in_reply_to_id else "post"


def open_demo(options: Options) -> MastodonDemo:
    """Reach the server; :class:`ValueError` says what the command line lacks, channel errors what the server refused."""
    if not options.url or not options.tokens:
        raise ValueError("This network needs --url of a running server and one --token for each account.")
    return MastodonDemo(options)
