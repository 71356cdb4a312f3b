"""Notifications as an inbox: the network lists them latest first, we read them oldest first and lose none.

The cursor is where we are, as JSON: ``seen`` the time of the latest that was read, ``ids`` those of the last hour before
it, and ``pages`` the network's own cursors of pages still to be read, the oldest last. A reading first walks back to
what was seen, however many calls that takes, then gives one page a call from there on. What comes meanwhile pushes
others off the first page, so in the end that page is looked at once more and, where it moved, walked back from anew.

The time of a notification is its author's, or when the network learnt of it, whichever is earlier: one may turn up a
little before others that were read already. So the last hour is always looked at again, and told apart by ids.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

from automation.channels.base import InboxPage
from automation.channels.bluesky import convert
from automation.channels.bluesky.client import Client, Json
from automation.channels.bluesky.convert import entries, when, word

PAGE = 100
REASONS = ["mention", "reply", "quote"]
LOOK_BACK = timedelta(hours=1)
MOST_IDS = 500
ID_LENGTH = 10
PAGES_A_CALL = 20  # walked back in one call's time
LONG_AGO = datetime.min.replace(tzinfo=UTC)
TOP = ""  # the page of the latest


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are in the list."""

    seen: str = ""
    ids: list[str] = field(default_factory=list)
    met: list[str] = field(default_factory=list)  # of this reading, which ends by making them ``ids``
    pages: list[str] = field(default_factory=list)
    walking: bool = False  # whether the oldest of ``pages`` is not known to reach back far enough
    below: str = ""  # the page right below the first that was read last, in a reading of several

    @property
    def since(self) -> datetime:
        """Everything before this was read."""
        seen = when(self.seen)
        return seen - LOOK_BACK if seen else LONG_AGO


def read(client: Client, since: str) -> InboxPage:
    """The next messages after ``since``, oldest first."""
    place = _place(since)
    if not place.pages:
        place = replace(place, pages=[TOP], walking=True)
    page: Json | None = None
    for _ in range(PAGES_A_CALL):
        if not place.walking:
            break
        page = _page(client, place.pages[-1])
        older = word(page, "cursor")
        if not older or older == place.below or _reaches(page, place):
            place = replace(place, walking=False)
        else:
            place = replace(place, pages=[*place.pages, older])
    if place.walking:
        return InboxPage((), _cursor(place), more=True)
    return _take(place, page or _page(client, place.pages[-1]))


def _page(client: Client, cursor: str) -> Json:
    more = {"cursor": cursor} if cursor else {}
    found: Json = client.read("app.bsky.notification.listNotifications", reasons=REASONS, limit=PAGE, **more)
    return found


def _reaches(page: Json, place: Place) -> bool:
    back_to = place.since if not place.met else when(place.seen) or LONG_AGO
    return any(_time(item) <= back_to for item in entries(page, "notifications"))


def _take(place: Place, page: Json) -> InboxPage:
    """The page's new messages, and the place after it."""
    known = {*place.ids, *place.met}
    found = sorted(entries(page, "notifications"), key=_time)
    fresh = [item for item in found if _time(item) >= place.since and _id(item) not in known]
    messages = [convert.inbound_of(item) for item in fresh]
    after = _after(place, found, fresh)
    return InboxPage(
        tuple(message for message in messages if message), _cursor(after), more=bool(after.pages)
    )


def _after(place: Place, found: Sequence[Json], fresh: Sequence[Json]) -> Place:
    seen = max([_time(item) for item in fresh[-1:]] + [when(place.seen) or LONG_AGO])
    recent = [_id(item) for item in found if _time(item) >= seen - LOOK_BACK] if seen > LONG_AGO else []
    met = list(dict.fromkeys([*place.met, *recent]))[-MOST_IDS:]
    told = seen.isoformat() if seen > LONG_AGO else ""
    left = place.pages[:-1]
    if not left:
        return Place(seen=told, ids=met)
    first = left == [TOP]
    return Place(told, place.ids, met, left, walking=first, below=place.pages[-1] if first else "")


def _time(item: Json) -> datetime:
    return when(word(item, "indexedAt")) or LONG_AGO


def _id(item: Json) -> str:
    return hashlib.sha256(word(item, "uri").encode()).hexdigest()[:ID_LENGTH]


def _place(cursor: str) -> Place:
    if not cursor:
        return Place()
    return Place(**json.loads(cursor))


def _cursor(place: Place) -> str:
    return json.dumps(asdict(place), separators=(",", ":"))
