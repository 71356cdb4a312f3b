"""One effect per Idempotency-Key: the first request acts, its repetitions get the first one's answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from accounts.models import IdempotencyKey

KEPT = timedelta(hours=24)


class KeyReused(ValueError):
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered; ``replayed`` when it was not carried out this time."""

    status: int
    body: dict[str, Any]
    replayed: bool = False


def once(owner: User, key: str, fingerprint: str, act: Callable[[], Answer]) -> Answer:
    """Carry out ``act`` unless this owner's ``key`` has been answered in the last 24 hours.

    ``act`` runs in the transaction that keeps its answer: either both are there or neither, and a request that
    failed may be repeated. A repetition that comes while the first is under way waits for it at the unique row.
    Raises :class:`KeyReused` when the key stands for a request with another fingerprint.
    """
    rows = IdempotencyKey.objects.filter(owner=owner, key=key)
    with transaction.atomic():
        rows.filter(expires_at__lte=timezone.now()).delete()
        fresh = IdempotencyKey(
            owner=owner, key=key, fingerprint=fingerprint, expires_at=timezone.now() + KEPT
        )
        IdempotencyKey.objects.bulk_create([fresh], ignore_conflicts=True)
        kept = rows.select_for_update().get()
        if kept.fingerprint != fingerprint:
            raise KeyReused(
                "This Idempotency-Key was used for another request. Make a new one for each request."
            )
        if kept.status is not None:
            return Answer(kept.status, kept.response, replayed=True)
        answer = act()
        rows.update(status=answer.status, response=answer.body)
        return answer


def purge(*, batch: int = 5_000) -> int:
    """Delete answers that have expired, in small batches; says how many."""
    total = 0
    while True:
        expired = IdempotencyKey.objects.filter(expires_at__lte=timezone.now()).order_by("expires_at")
        gone, _ = IdempotencyKey.objects.filter(pk__in=expired.values("pk")[:batch]).delete()
        total += gone
        if gone < batch:
            return total
