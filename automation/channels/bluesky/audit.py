"""What an account server shows of one account: for comparing our books with the network.

Independent of the driver's acts and of the task ledger: it reads the account's whole repository, and asks nothing of
what we believe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from automation.channels.base import Login
from automation.channels.bluesky import records
from automation.channels.bluesky.client import Client, Json
from automation.channels.bluesky.convert import POST, entries, entry, text_of, when, word

PAGE = 100
MAX_PAGES = 50


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """One record: ``subject`` is the identity followed, or the author of the post that is answered or liked."""

    uri: str
    subject: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything the repository holds of what an account did."""

    handle: str
    posts: tuple[SeenRecord, ...]
    replies: tuple[SeenRecord, ...]
    follows: tuple[SeenRecord, ...]
    likes: tuple[SeenRecord, ...]


class Auditor:
    """Looks at one account; signs in once."""

    def __init__(self, login: Login, default_server: str) -> None:
        self._client = Client(login, default_server)

    def look(self) -> Seen:
        """Read the account's repository; raises the channel errors. At most 5,000 records of each kind."""
        written = self._all(POST)
        return Seen(
            handle=self._client.session.handle,
            posts=tuple(_seen(one, "") for one in written if not entry(entry(one, "value"), "reply")),
            replies=tuple(
                _seen(one, _answered(one)) for one in written if entry(entry(one, "value"), "reply")
            ),
            follows=tuple(
                _seen(one, word(entry(one, "value"), "subject")) for one in self._all(records.FOLLOW)
            ),
            likes=tuple(_seen(one, _liked(one)) for one in self._all(records.LIKE)),
        )

    def _all(self, collection: str) -> list[Json]:
        found: list[Json] = []
        cursor = ""
        for _ in range(MAX_PAGES):
            self._client.begin()  # an audit may take its time: the limit is for each page
            more = {"cursor": cursor} if cursor else {}
            page = self._client.read(
                "com.atproto.repo.listRecords",
                repo=self._client.did,
                collection=collection,
                limit=PAGE,
                **more,
            )
            found += entries(page, "records")
            cursor = word(page, "cursor")
            if not cursor:
                break
        return found


def _seen(record: Json, subject: str) -> SeenRecord:
    value = entry(record, "value")
    created_at = when(word(value, "createdAt")) or datetime.now(UTC)
    return SeenRecord(word(record, "uri"), subject, text_of(value), created_at)


def _answered(record: Json) -> str:
    return _author(word(entry(entry(entry(record, "value"), "reply"), "parent"), "uri"))


def _liked(record: Json) -> str:
    return _author(word(entry(entry(record, "value"), "subject"), "uri"))


def _author(uri: str) -> str:
    return uri.removeprefix("at://").split("/")[0]
