"""An account's session: restored before an act, saved after it, forgotten when it has expired."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import Account
from automation.models import BrowserSession
from outreach.lib import clock, events
from outreach.lib.crypto import WrongKey

NEVER = -1  # Playwright's expiry of a cookie that ends with its session


@dataclass(frozen=True, slots=True)
class Saved:
    """A state as it was read, and the version a later :func:`save` must find."""

    state: dict[str, Any] | None
    version: int


def load(account_id: int) -> Saved:
    """The account's state without what has expired of it; no state when there is none, or it cannot be opened."""
    try:
        row = BrowserSession.objects.get(account=account_id)
    except BrowserSession.DoesNotExist:
        return Saved(None, 0)
    except WrongKey:
        return Saved(None, NEVER)  # nothing is restored and nothing overwritten: the key may come back
    if row.expires_at <= clock.database_now():
        return Saved(None, row.version)
    return Saved(_fresh(row.state), row.version)


@transaction.atomic
def save(account_id: int, state: dict[str, Any], *, version: int) -> bool:
    """Keep the state after an act; false when somebody stored another since ``version`` was read: theirs stays."""
    if version == NEVER:
        return False
    now = clock.database_now()
    values = {"state": state, "saved_at": now, "expires_at": expires_at(state, now)}
    known = BrowserSession.objects.filter(account=account_id, version=version)
    if version:
        return bool(known.update(**values, version=F("version") + 1, acts=F("acts") + 1))
    _, is_new = BrowserSession.objects.get_or_create(account_id=account_id, defaults={**values, "acts": 1})
    return is_new


@transaction.atomic
def store(*, account: Account, state: dict[str, Any], by: object) -> None:
    """Somebody signed in: this state counts from now on, also over that of an act under way."""
    now = clock.database_now()
    values = {"state": state, "saved_at": now, "expires_at": expires_at(state, now)}
    BrowserSession.objects.get_or_create(account=account, defaults=values)
    BrowserSession.objects.filter(account=account).update(**values, version=F("version") + 1, acts=0)
    events.emit("browser_session.stored", model="automation.browsersession", ids=[account.pk], by=by)


@transaction.atomic
def forget(*, account_ids: list[int], by: object) -> int:
    """Sign these accounts out on our side: their next act begins with a clean browser; returns how many had a session."""
    found = BrowserSession.objects.filter(account__in=account_ids)
    ids = list(found.values_list("pk", flat=True))
    found.delete()
    if ids:
        events.emit("browser_session.forgotten", model="automation.browsersession", ids=ids, by=by)
    return len(ids)


def expires_at(state: dict[str, Any], now: datetime) -> datetime:
    """When the state is no longer worth restoring: as its last cookie ends, at most so many days after its last use."""
    latest = now + timedelta(days=settings.BROWSER["session_days"])
    ends = [float(cookie.get("expires", NEVER)) for cookie in state.get("cookies", ())]
    if not ends or any(end == NEVER for end in ends) or state.get("origins"):
        return latest
    last = min(max(ends), latest.timestamp())  # a cookie may name any year, datetime may not
    return max(now, datetime.fromtimestamp(last, UTC))


def _fresh(state: dict[str, Any]) -> dict[str, Any]:
    """Without expired cookies, which Playwright would refuse to restore."""
    now = time.time()
    cookies = [
        cookie for cookie in state.get("cookies", ()) if not 0 <= float(cookie.get("expires", NEVER)) <= now
    ]
    return {**state, "cookies": cookies}
