"""Keys of the API: made, recognised, revoked. Only their SHA-256 is kept: a key is 256 random bits, so no salt is needed."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import scopes
from accounts.models import ApiKey
from outreach.lib import events

START = "outreach_"  # lets secret scanners and people recognise a key
SHOWN = 16  # characters of a key that lists show
USE_IS_NOTED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create_key(
    *, owner: User, name: str, allowed: Iterable[str], by: object, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and its text, which is never to be had again. Emits ``api_key.created``.

    Raises :class:`ValueError` for an unknown scope, an empty name, or an expiry that has passed.
    """
    if not name.strip():
        raise ValueError("Give the key a name that says what uses it.")
    if expires_at is not None and expires_at <= timezone.now():
        raise ValueError("The key would have expired already. Give a later time.")
    text = START + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        owner=owner, name=name.strip()[:64], prefix=text[:SHOWN], hash=_hash(text),
        scopes=scopes.known(allowed), expires_at=expires_at,
    )  # fmt: skip
    events.emit("api_key.created", model="accounts.apikey", ids=[key.pk], by=by, scopes=key.scopes)
    return key, text


@transaction.atomic
def revoke_key(key: ApiKey, *, by: object) -> bool:
    """End a key at once; whether it was still good. Emits ``api_key.revoked``."""
    ended = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    if ended:
        key.refresh_from_db(fields=["revoked_at"])
        events.emit("api_key.revoked", model="accounts.apikey", ids=[key.pk], by=by)
    return bool(ended)


def recognise(text: str) -> ApiKey | None:
    """The key with this text and its owner, if it is good now; notes its use, at most once a minute."""
    now = timezone.now()
    in_time = Q(expires_at=None) | Q(expires_at__gt=now)
    good = ApiKey.objects.filter(in_time, hash=_hash(text), revoked_at=None, owner__is_active=True)
    key = good.select_related("owner").first()
    if key is not None and (key.last_used_at is None or key.last_used_at < now - USE_IS_NOTED_EVERY):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
