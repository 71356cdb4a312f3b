"""Breakers for outside services that no lane belongs to: ``with breakers.guard("llm"): ...``.

A service that keeps failing is left alone by all workers for a while, then tried by exactly one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from automation.engine import policy
from automation.models import Breaker
from outreach.lib import clock, events


class ServiceDown(Exception):
    """The service keeps failing and was not called. ``retry_at`` is when asking again makes sense."""

    def __init__(self, key: str, retry_at: datetime) -> None:
        super().__init__(f"{key} keeps failing; it is tried again at {retry_at:%H:%M:%S} UTC.")
        self.key, self.retry_at = key, retry_at


@contextmanager
def guard(key: str, *, answers: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Around one call of a service: raises :class:`ServiceDown` instead while its breaker is open.

    Any exception from inside counts as a failure and passes on; those in ``answers`` (bad input, a refusal) count as
    the service being well. While open, one caller in every ``breaker_seconds`` is let through; its success closes it.
    Not inside a transaction: what is learnt must stay when the caller rolls back (:class:`RuntimeError`).
    """
    probes = _admit(key)
    try:
        yield
    except answers:
        _worked(key, probes=probes)
        raise
    except Exception as error:
        _failed(key, f"{type(error).__name__}: {error}")
        raise
    _worked(key, probes=probes)


def not_closed() -> QuerySet[Breaker]:
    """The services that are left alone at the moment, the longest first."""
    return Breaker.objects.filter(opened_at__isnull=False).order_by("opened_at")


def _seconds() -> timedelta:
    return timedelta(seconds=policy.seconds("breaker_seconds"))


@transaction.atomic(durable=True)
def _admit(key: str) -> bool:
    """Whether this caller is the probe; raises :class:`ServiceDown` when somebody else is, or it is too early."""
    breaker = Breaker.objects.filter(key=key).first()
    if breaker is None or breaker.opened_at is None or breaker.probe_at is None:
        return False
    mine = Breaker.objects.filter(pk=breaker.pk, opened_at__isnull=False, probe_at__lte=Now())
    if mine.update(probe_at=Now() + _seconds()):
        return True
    raise ServiceDown(key, breaker.probe_at)


@transaction.atomic(durable=True)
def _worked(key: str, *, probes: bool) -> None:
    """A success ends the row of failures; the probe's closes the breaker. A slow call's from before it opened does not."""
    known = Breaker.objects.filter(key=key)
    if not probes:
        known.filter(opened_at__isnull=True, failures__gt=0).update(failures=0, detail="")
    elif known.filter(opened_at__isnull=False).update(failures=0, opened_at=None, probe_at=None, detail=""):
        events.emit(
            "breaker.closed", model="automation.breaker", ids=known.values_list("pk", flat=True), service=key
        )


@transaction.atomic(durable=True)
def _failed(key: str, detail: str) -> None:
    """One failure more; as many in a row as settings say open the breaker, and one while it is open keeps it so."""
    Breaker.objects.bulk_create([Breaker(key=key)], ignore_conflicts=True)
    known = Breaker.objects.filter(key=key)
    breaker = known.select_for_update().get()
    known.update(failures=F("failures") + 1, detail=detail[:500])
    if breaker.opened_at is not None:
        known.update(probe_at=Now() + _seconds())
    elif breaker.failures + 1 >= policy.count("breaker_failures"):
        now = clock.database_now()
        known.update(opened_at=now, probe_at=now + _seconds())
        events.emit(
            "breaker.opened", model="automation.breaker", ids=[breaker.pk], service=key,
            failures=breaker.failures + 1, detail=detail[:500],
        )  # fmt: skip
