"""What a network showed within the hour: the same question is answered from here, and nothing is read."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from accounts.models import Account
from automation.channels.base import Page, ProfileInfo
from automation.enums import LookKind
from automation.models import FrontierEntry, SeenPage
from leads.services.facts import clean_text, facts_of

KEEP = timedelta(hours=1)


def key_of(entry: FrontierEntry, reader: Account) -> str:
    """Names a question, to the letter: cursors belong to it and to the server that gave them."""
    asked = (entry.network, reader.server, entry.kind, entry.query, entry.cursor)
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()


def seen(entry: FrontierEntry, reader: Account) -> Page | None:
    """What the network showed when this was last asked, if that was within the hour."""
    if entry.kind == LookKind.PROFILE:
        return None  # whoever adds one has looked at when it was last read
    kept = SeenPage.objects.filter(pk=key_of(entry, reader), seen_at__gt=Now() - KEEP).first()
    if kept is None:
        return None
    return Page(tuple(ProfileInfo(**row) for row in kept.people), kept.next_cursor)


def keep(entry: FrontierEntry, reader: Account, page: Page) -> None:
    """Remember what the network shows now."""
    SeenPage.objects.update_or_create(
        pk=key_of(entry, reader),
        defaults={
            "people": [_row(info) for info in page.profiles], "next_cursor": clean_text(page.cursor, 4000),
            "seen_at": Now(),
        },
    )  # fmt: skip


def forget() -> int:
    """Drop all that is remembered: somebody in it is to be forgotten. Returns how many pages."""
    return SeenPage.objects.all().delete()[0]


def _row(info: ProfileInfo) -> dict[str, Any]:
    """What a list tells of somebody; texts as a column can hold them, posts left out."""
    return {**asdict(info), "posts": (), "handle": clean_text(info.handle, 255), **facts_of(info)}
