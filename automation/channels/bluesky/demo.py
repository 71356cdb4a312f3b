"""A running account server as the demo's network: one account per token, judged by its repositories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from automation.channels.base import Login
from automation.channels.bluesky import NETWORK
from automation.channels.bluesky.audit import Auditor, Seen, SeenRecord
from automation.channels.demo import DemoAccount, Options, Plan, SeenAct

OFFLINE = False
LIMITS = {"follow": 20, "reply": 10, "post": 10}
POSTS = (
    "What we learned this week, in one line: write less, ask more.",
    "A small question for a Sunday: what made you stay curious?",
    "We are collecting first programs. What did yours do?",
    "Tools we would not give away again, part one.",
)


class BlueskyDemo:
    """What stood there before the demo began is remembered, so that only its own acts are counted."""

    def __init__(self, options: Options) -> None:
        self._server = options.url.rstrip("/")
        self._passwords = dict(_account_of(token) for token in options.tokens)
        self._auditors = [
            Auditor(Login(0, handle, self._server, secret={"app_password": password}), NETWORK.address)
            for handle, password in self._passwords.items()
        ]
        self._before = {seen.handle: _uris(seen) for seen in self._look()}

    def accounts(self) -> Sequence[DemoAccount]:
        return [
            DemoAccount(handle=handle, server=self._server, secret={"app_password": password}, limits=LIMITS)
            for handle, password in self._passwords.items()
        ]

    def plan(self) -> Plan:
        handles = list(self._passwords)
        return Plan(
            sources=(
                *(("related", handle) for handle in handles),
                *(("commenters", handle) for handle in handles),
            ),
            keywords=(),
            texts=(
                "Hello {first_name}, we liked what you write here. May we ask you one question about it?",
            ),
            posts=POSTS[: max(2, len(handles))],
            answer="Thank you! We will be in touch.",
            step="reply",  # there are no messages here: people are answered where they write
        )

    def start_trouble(self) -> None:
        """A server that is not ours is left in peace."""

    def calm(self) -> None:
        """Nothing was stirred up."""

    def acts(self) -> Sequence[SeenAct]:
        return [act for seen in self._look() for act in _acts(seen, self._before[seen.handle])]

    def opted_out(self) -> dict[str, datetime]:
        return {}

    def close(self) -> None:
        """Nothing of ours runs there."""

    def _look(self) -> list[Seen]:
        return [auditor.look() for auditor in self._auditors]


def _uris(seen: Seen) -> set[str]:
    kinds = (seen.posts, seen.replies, seen.follows, seen.likes)
    return {record.uri for records in kinds for record in records}


def _acts(seen: Seen, before: set[str]) -> Iterable[SeenAct]:
    """What one account did; what is written has an address of its own, follows and likes are known by whom they reach."""
    kinds = {"post": seen.posts, "reply": seen.replies, "follow": seen.follows, "like": seen.likes}
    for kind, records in kinds.items():
        for record in records:
            yield _act(seen.handle, kind, record, before=record.uri in before)


def _act(account: str, kind: str, record: SeenRecord, *, before: bool) -> SeenAct:
    return SeenAct(
        at=record.created_at, account=account, kind=kind, target=record.subject, text=record.text,
        remote_id="" if kind == "follow" else record.uri, before=before,
    )  # fmt: skip


def _account_of(token: str) -> tuple[str, str]:
    handle, _, password = token.partition(":")
    if not handle or not password:
        raise ValueError("Each --token of this network is HANDLE:APP-PASSWORD.")
    return handle.removeprefix("@"), password


def open_demo(options: Options) -> BlueskyDemo:
    """Reach the server; :class:`ValueError` says what the command line lacks, channel errors what the server refused."""
    if not options.tokens:
        raise ValueError("This network needs one --token HANDLE:APP-PASSWORD for each account.")
    return BlueskyDemo(options)
